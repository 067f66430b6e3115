#include <multiprocessing/detail/remote.hpp>

#include <atomic>
#include <exception>
#include <utility>

#include <multiprocessing/detail/exception.hpp>
#include <multiprocessing/errors.hpp>

#include "manager/line.hpp"
#include "manager/link.hpp"
#include "manager/protocol.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::detail {

using manager::Operation;
using manager::Status;

namespace {

// What tells this thread from the others of its process, dead or alive.
std::uint64_t own_thread() noexcept {
  static constinit std::atomic<std::uint64_t> last{0};
  // relaxed: only that no two get the same number counts
  thread_local const std::uint64_t mine = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return mine;
}

}  // namespace

RemoteObject::RemoteObject(std::shared_ptr<manager::Link> link, std::uint64_t number,
                           std::string type_name) noexcept
    : link_(std::move(link)), number_(number), type_name_(std::move(type_name)) {}

RemoteObject::~RemoteObject() {
  link_->drop(number_);
}

std::string RemoteObject::text() const {
  return "<Proxy of " + type_name_ + " " + std::to_string(number_) + " in " + link_->text() + ">";
}

RemoteCall::RemoteCall(const RemoteObject& object, std::string_view method, std::uint64_t signature,
                       std::string signature_text)
    : link_(object.link()),
      what_(object.type_name() + "." + std::string(method)),
      signature_text_(std::move(signature_text)),
      line_(link_->take()),
      result_(reply_) {
  line_->ensure_held(object.number());
  request_.plain(Operation::call);
  request_.plain(object.number());
  request_.plain(own_thread());
  encode_value(request_, std::string(method));
  request_.plain(signature);
}

RemoteCall::RemoteCall(std::shared_ptr<manager::Link> link, const Asked& asked)
    : link_(std::move(link)),
      what_("'" + std::string(asked.name) + "'"),
      line_(link_->take()),
      result_(reply_) {
  request_.plain(Operation::create);
  encode_value(request_, std::string(asked.name));
  request_.plain(asked.type.id);
  encode_value(request_, asked.type.name);
  encode_value(request_, asked.as_proxy);
  request_.plain(asked.arguments);
  encode_value(request_, asked.argument_names);
}

RemoteCall::~RemoteCall() {
  if (!to_take_) return;
  try {
    line_->send_note(Operation::taken);
    MULTIPROCESSING_CRASH_POINT("manager.call.taken");
  } catch (const std::exception&) {  // the manager has ended
  }
}

void RemoteCall::require_sendable() const {
  if (request_.handles().empty()) return;
  const std::string why_not = link_->why_not_shared();
  if (why_not.empty()) return;
  throw TransferError("an argument of " + what_ + " is a handle, and " + link_->text() +
                      " does not share this program's memory: " + why_not);
}

Reader& RemoteCall::perform(Timeout limit) {
  require_sendable();
  line_->send(request_.view());
  MULTIPROCESSING_CRASH_POINT("manager.call.sent");
  reply_ = line_->receive(limit);
  MULTIPROCESSING_CRASH_POINT("manager.call.answered");
  result_ = Reader(reply_, link_->why_not_shared().empty());
  const auto status = result_.plain<Status>();
  to_take_ = result_.plain<std::uint8_t>() != 0;
  if (status == Status::error || status == Status::other_signature) throw_refused(status);
  return result_;
}

void RemoteCall::throw_refused(Status status) {
  if (status == Status::error) {
    std::exception_ptr error = decode_exception(result_);
    if (error != nullptr) std::rethrow_exception(error);
    throw RemoteError("the manager reports an error that it does not name");
  }
  throw ValueError(what_ + " is " + decode_value<std::string>(result_) + " in " + link_->text() +
                   ", and " + signature_text_ + " here");
}

std::shared_ptr<RemoteObject> RemoteCall::object(std::uint64_t number,
                                                 std::string type_name) const {
  link_->note_held(number);
  return std::make_shared<RemoteObject>(link_, number, std::move(type_name));
}

}  // namespace multiprocessing::detail
