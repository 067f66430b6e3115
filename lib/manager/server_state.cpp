#include "manager/server_state.hpp"

#include <chrono>
#include <functional>
#include <system_error>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "connection/private_socket.hpp"
#include "manager/bind.hpp"
#include "manager/service.hpp"
#include "sys/machine.hpp"
#include "sys/process.hpp"
#include "sys/random.hpp"
#include "sys/signals.hpp"
#include "sys/socket.hpp"
#include "sys/thread.hpp"

namespace multiprocessing::manager {
namespace {

constexpr auto kPause = std::chrono::milliseconds(50);
constexpr auto kFarewell = std::chrono::seconds(1);

// In a thread that takes no signals: those are the program's own.
void run_in_thread(std::function<void()> body) {
  auto kept = std::make_unique<std::function<void()>>(std::move(body));
  const sys::BlockedSignals none;
  const pthread_t thread = sys::start_thread(
      [](void* argument) -> void* {
        const std::unique_ptr<std::function<void()>> mine(
            static_cast<std::function<void()>*>(argument));
        (*mine)();
        return nullptr;
      },
      kept.get());
  static_cast<void>(kept.release());
  sys::let_thread_go(thread);
}

}  // namespace

void Registry::add(detail::ManagedType type) {
  const std::lock_guard guard(lock_);
  std::string name = type.name;
  auto kept = std::make_shared<const detail::ManagedType>(std::move(type));
  if (types_.emplace(name, std::move(kept)).second) return;
  throw ValueError("'" + name + "' is registered already");
}

std::shared_ptr<const detail::ManagedType> Registry::find(const std::string& name) const {
  const std::lock_guard guard(lock_);
  const auto found = types_.find(name);
  if (found != types_.end()) return found->second;
  std::string there;
  for (const auto& [known, type] : types_) {
    there += (there.empty() ? "'" : ", '") + known + "' (" + type->type.name + ")";
  }
  throw ValueError("'" + name + "' is not registered in the manager, which has " +
                   (there.empty() ? std::string("nothing") : there));
}

ServerState::ServerState(const Address& address, std::string authkey,
                         std::shared_ptr<const Registry> registry)
    : pid_(sys::current_pid()),
      registry_(std::move(registry)),
      listener_(listen_at(address, authkey)) {
  if (listener_.address().family() != "AF_UNIX") {
    door_.emplace(listen_at(Address(fresh_local_name()), authkey));
  }
}

ServerState::~ServerState() {
  stop();
}

std::string ServerState::local_name() const {
  return door_ ? door_->address().path() : std::string();
}

void ServerState::serve() {
  if (pid_ != sys::current_pid()) {
    throw ProcessError("the manager is served by the process that made its server, pid " +
                       std::to_string(pid_));
  }
  if (door_) {
    run_in_thread([self = shared_from_this()] { self->let_in(*self->door_); });
  }
  let_in(listener_);
  std::unique_lock guard(lock_);
  // Who is in the middle of a call of the program's own may take longer: it is left to itself.
  changed_.wait_for(guard, kFarewell, [this] { return served_.empty(); });
}

void ServerState::let_in(const Listener& listener) {
  for (;;) {
    try {
      begin(listener.accept());
    } catch (const KeyboardInterrupt&) {
      stop();
      throw;
    } catch (const Error&) {  // a client that does not know the key, or hung up
    } catch (const std::system_error&) {
      // the listener was closed; or a client broke off; or there is no descriptor, thread or memory
      pause();
    }
    const std::lock_guard guard(lock_);
    if (stopping_) return;
  }
}

void ServerState::pause() noexcept {
  std::unique_lock guard(lock_);
  changed_.wait_for(guard, kPause, [this] { return stopping_; });
}

bool ServerState::enter(int fd) {
  const std::lock_guard guard(lock_);
  return !stopping_ && served_.insert(fd).second;
}

void ServerState::leave(int fd) noexcept {
  const std::lock_guard guard(lock_);
  served_.erase(fd);
  changed_.notify_all();
}

void ServerState::begin(const Connection& client) {
  const int fd = client.fileno();
  sys::watch_over_network(fd);
  if (!enter(fd)) return;
  try {
    run_in_thread([self = shared_from_this(), client, fd]() mutable {
      {
        const connection::PrivateSocket socket(fd);
        serve_client(*self, client);
      }
      self->leave(fd);  // before the number is another's
      client.close();
    });
  } catch (...) {
    leave(fd);
    throw;
  }
}

void ServerState::stop() noexcept {
  const std::lock_guard guard(lock_);
  if (std::exchange(stopping_, true)) return;
  listener_.close();
  if (door_) door_->close();
  for (const int fd : served_) sys::cut_off(fd);
  changed_.notify_all();
}

std::shared_ptr<Session> ServerState::open_session(std::int32_t client) {
  Secret secret{};
  sys::fill_with_random(std::as_writable_bytes(std::span(secret)));
  const std::lock_guard guard(lock_);
  std::erase_if(sessions_, [](const auto& entry) { return entry.second.expired(); });
  auto session = std::make_shared<Session>(objects_, ++last_session_, secret, client);
  sessions_.emplace(session->id(), session);
  return session;
}

std::shared_ptr<Session> ServerState::find_session(std::uint64_t id, const Secret& secret) const {
  const std::lock_guard guard(lock_);
  const auto found = sessions_.find(id);
  std::shared_ptr<Session> session = found == sessions_.end() ? nullptr : found->second.lock();
  if (session != nullptr && session->secret() == secret) return session;
  throw ProcessError(
      "the manager does not know this client: it was started anew meanwhile; connect() again");
}

}  // namespace multiprocessing::manager
