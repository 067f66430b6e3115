#include "manager/service.hpp"

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/detail/exception.hpp>
#include <multiprocessing/errors.hpp>

#include "manager/deputy.hpp"
#include "manager/protocol.hpp"
#include "manager/server_state.hpp"
#include "manager/sharing.hpp"
#include "shm/watch.hpp"
#include "sys/crash_point.hpp"
#include "sys/socket.hpp"

namespace multiprocessing::manager {
namespace {

constexpr auto kGreetingTime = std::chrono::seconds(10);

using detail::decode_value;
using detail::Reader;
using detail::Writer;

class Service final : private detail::ManagedScope {
 public:
  Service(ServerState& server, const Connection& client) : server_(server), client_(client) {}
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  void greet();
  /// False: the client asked the server to stop.
  bool answer();

 private:
  std::uint64_t give(std::shared_ptr<void> object, detail::ManagedMethods methods,
                     detail::ManagedClass type) override;
  void keep(std::shared_ptr<const void> value) override { kept_.push_back(std::move(value)); }
  [[nodiscard]] bool caller_has_left() const noexcept override {
    return sys::peer_has_left(client_.fileno());
  }
  [[nodiscard]] bool shares_memory() const override { return session_->why_not_shared().empty(); }
  void unless_received(std::function<void()> undo) override { undo_ = std::move(undo); }
  void begin_wait() override;
  void end_wait() noexcept override { wait_.reset(); }
  void begin_turn() override {
    if (turns_ == 0) turn_.emplace(session_->deputy(), thread_);
    ++turns_;
  }
  void end_turn() noexcept override {
    if (--turns_ == 0) turn_.reset();
  }

  void welcome(const Hello& hello);
  void share(const Welcome& welcome);
  void perform(Operation operation, Reader& in);
  void create(Reader& in);
  void call(Reader& in);
  void begin_result();
  void end_result();
  void reply_error(const std::exception_ptr& error);
  void undo() noexcept;

  ServerState& server_;
  const Connection& client_;
  std::shared_ptr<Session> session_;
  Writer reply_;                                   // keeps what its handles stand for
  std::vector<std::shared_ptr<const void>> kept_;  // until they are taken
  std::function<void()> undo_;                     // likewise
  bool is_anchor_ = false;
  std::uint64_t thread_ = 0;  // of the client, that the present call is made by
  std::optional<shm::SleepCheck> wait_;
  std::optional<Deputy::Turn> turn_;
  int turns_ = 0;  // one within the other
};

Service::~Service() {
  undo();
  if (is_anchor_) session_->deputy().end();
}

void Service::begin_wait() {
  session_->deputy().note_wait();
  wait_.emplace(
      [](const void* service) {
        if (!static_cast<const Service*>(service)->caller_has_left()) return;
        throw EOFError("the caller has left");
      },
      this);
}

void Service::greet() {
  const auto hello = receive_greeting<Hello>(client_, kGreetingTime);
  try {
    welcome(hello);
  } catch (const Error& error) {
    send_greeting(client_, Welcome{.accepted = false, .refusal = error.what()});
    throw;
  }
}

void Service::welcome(const Hello& hello) {
  if (hello.session != 0) {
    session_ = server_.find_session(hello.session, hello.secret);
    send_greeting(client_, Welcome{.accepted = true});
    return;
  }
  session_ = server_.open_session(hello.pid);
  is_anchor_ = true;
  Welcome welcome = offer_for(hello, client_);
  welcome.accepted = true;
  welcome.session = session_->id();
  welcome.secret = session_->secret();
  welcome.local_name = server_.local_name();
  session_->set_why_not_shared(welcome.why_not);
  send_greeting(client_, welcome);
  if (welcome.sharing == Sharing::offered) share(welcome);
}

void Service::share(const Welcome& welcome) {
  static_cast<void>(receive_greeting<Go>(client_, kGreetingTime));
  send_descriptors(client_, welcome.descriptors);
  const auto joined = receive_greeting<Joined>(client_, kGreetingTime);
  session_->set_why_not_shared(joined.done ? "" : "it could not join");
}

bool Service::answer() {
  const Bytes request = client_.recv_bytes();
  Reader in(request, shares_memory());
  const auto operation = in.plain<Operation>();
  reply_.clear();
  kept_.clear();
  undo_ = nullptr;  // who asks again has received what was said before
  if (operation == Operation::taken) return true;
  if (operation == Operation::drop) {
    session_->drop(in.plain<std::uint64_t>());
    return true;
  }
  try {
    perform(operation, in);
  } catch (...) {
    reply_error(std::current_exception());
  }
  MULTIPROCESSING_CRASH_POINT("manager.reply.ready");
  client_.send_bytes(reply_.view());
  MULTIPROCESSING_CRASH_POINT("manager.reply.sent");
  return operation != Operation::stop;
}

void Service::perform(Operation operation, Reader& in) {
  switch (operation) {
    case Operation::create:
      return create(in);
    case Operation::call:
      return call(in);
    case Operation::adopt:
      session_->adopt(in.plain<std::uint64_t>());
      return begin_result();
    case Operation::stop:
      return begin_result();
    default:
      throw ValueError("the manager knows no operation " +
                       std::to_string(static_cast<int>(operation)));
  }
}

void Service::create(Reader& in) {
  const auto name = decode_value<std::string>(in);
  const auto type_id = in.plain<std::uint64_t>();
  const auto type_name = decode_value<std::string>(in);
  const auto as_proxy = decode_value<bool>(in);
  const auto arguments = in.plain<std::uint64_t>();
  const auto argument_names = decode_value<std::string>(in);

  const auto type = server_.registry().find(name);
  if (type->type.id != type_id) {
    throw ValueError("'" + name + "' is a " + type->type.name + " in the manager, and a " +
                     type_name + " for the client" +
                     (type->type.name == type_name ? ", whose elements are others" : ""));
  }
  if (!type->make) {
    throw ValueError("'" + name + "' was registered without a factory, and a " + type->type.name +
                     " cannot be made without arguments");
  }
  if (type->arguments != arguments) {
    throw ValueError("'" + name + "' takes the arguments " + type->argument_names +
                     " in the manager, and was given " + argument_names);
  }
  if (as_proxy && type->methods.empty()) {
    throw ValueError("'" + name + "', a " + type->type.name +
                     ", has no methods that may be called from afar");
  }
  if (!as_proxy) require_shared(*type, session_->why_not_shared());
  std::shared_ptr<void> object = type->make(in);
  begin_result();
  if (as_proxy) {
    reply_.plain(give(std::move(object), type->methods, type->type));
  } else {
    type->encode(object.get(), reply_);
    keep(std::move(object));
  }
  end_result();
}

void Service::call(Reader& in) {
  const ManagedObject target = session_->find(in.plain<std::uint64_t>());
  thread_ = in.plain<std::uint64_t>();
  const auto name = decode_value<std::string>(in);
  const auto signature = in.plain<std::uint64_t>();
  for (const detail::ManagedMethod& method : target.methods) {
    if (method.name != name) continue;
    begin_result();
    if (method.signature != signature) {
      reply_.clear();
      reply_.plain(Status::other_signature);
      reply_.plain(kNotToTake);
      encode_value(reply_, method.describe());
      return;
    }
    method.call(target.object.get(), in, reply_, *this);
    return end_result();
  }
  throw ValueError(target.type.name + " has no method '" + name +
                   "' that may be called from afar: list it with MULTIPROCESSING_EXPOSE");
}

std::uint64_t Service::give(std::shared_ptr<void> object, detail::ManagedMethods methods,
                            detail::ManagedClass type) {
  return session_->give({.object = std::move(object), .methods = methods, .type = std::move(type)});
}

void Service::begin_result() {
  reply_.plain(Status::result);
  reply_.plain(kNotToTake);
}

void Service::end_result() {
  const std::uint8_t to_take = undo_ || !reply_.handles().empty() ? kToTake : kNotToTake;
  if (!reply_.handles().empty() && !shares_memory()) {
    undo();
    throw_not_shared("the result", session_->why_not_shared());
  }
  reply_.patch(sizeof(Status), &to_take, sizeof to_take);
}

void Service::reply_error(const std::exception_ptr& error) {
  reply_.clear();
  kept_.clear();
  reply_.plain(Status::error);
  reply_.plain(undo_ ? kToTake : kNotToTake);
  detail::encode_exception(reply_, error);
}

void Service::undo() noexcept {
  const auto act = std::exchange(undo_, nullptr);
  if (!act) return;
  try {
    act();
  } catch (...) {  // the client has gone, and what it held with it; or the object
  }
}

}  // namespace

void serve_client(ServerState& server, const Connection& client) noexcept {
  try {
    Service service(server, client);
    service.greet();
    while (service.answer()) {
    }
    server.stop();
  } catch (const std::exception&) {  // the client has hung up, or talks nonsense
  }
}

}  // namespace multiprocessing::manager
