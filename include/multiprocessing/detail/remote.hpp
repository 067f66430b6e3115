#pragma once

/// \file multiprocessing/detail/remote.hpp
/// The user's side of a manager: objects that live in it, and calls to them.
///
///   sharing   a RemoteObject belongs to this process; a forked child uses it through connections
///             of its own
///   threads   every function may be called concurrently: each call has a connection to itself
///   ordering  what a call did in the manager happens before it returns
///   death     the manager's ends every call with EOFError or std::system_error; a caller's lets go
///             of what the manager kept for it

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/managed.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::manager {
class Line;  // lib/manager/line.hpp
class Link;  // lib/manager/link.hpp
enum class Status : std::uint8_t;
}  // namespace multiprocessing::manager

namespace multiprocessing::detail {

/// An object in a manager that stays there while this one is here.
class MULTIPROCESSING_API RemoteObject {
 public:
  RemoteObject(std::shared_ptr<manager::Link> link, std::uint64_t number,
               std::string type_name) noexcept;
  RemoteObject(const RemoteObject&) = delete;
  RemoteObject& operator=(const RemoteObject&) = delete;
  ~RemoteObject();

  [[nodiscard]] const std::shared_ptr<manager::Link>& link() const noexcept { return link_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] const std::string& type_name() const noexcept { return type_name_; }
  /// Names the manager, the class and the number.
  [[nodiscard]] std::string text() const;

 private:
  std::shared_ptr<manager::Link> link_;
  std::uint64_t number_;
  std::string type_name_;
};

/// What `get` asks a manager for.
struct Asked {
  std::string_view name;
  ManagedClass type;
  bool as_proxy = false;
  std::uint64_t arguments = 0;
  std::string argument_names;
};

/// One call: write the arguments, perform it, read the result.
class MULTIPROCESSING_API RemoteCall {
 public:
  RemoteCall(const RemoteObject& object, std::string_view method, std::uint64_t signature,
             std::string signature_text);
  RemoteCall(std::shared_ptr<manager::Link> link, const Asked& asked);
  RemoteCall(const RemoteCall&) = delete;
  RemoteCall& operator=(const RemoteCall&) = delete;
  /// The result has been read.
  ~RemoteCall();

  [[nodiscard]] Writer& arguments() noexcept { return request_; }
  /// Waits for the result.
  /// \throws what the method threw, as its own type or as RemoteError; TimeoutError if the manager
  /// has not answered within `limit`, so that the call may have been done or not; ValueError if the
  /// manager knows no such method, or another signature; EOFError if it has ended; TransferError
  /// for handles where no memory is shared; KeyboardInterrupt
  [[nodiscard]] Reader& perform(Timeout limit = {});
  /// The object that a result's number stands for.
  [[nodiscard]] std::shared_ptr<RemoteObject> object(std::uint64_t number,
                                                     std::string type_name) const;

 private:
  void require_sendable() const;
  [[noreturn]] void throw_refused(manager::Status status);

  std::shared_ptr<manager::Link> link_;
  std::string what_;  // for messages
  std::string signature_text_;
  Writer request_;
  std::unique_ptr<manager::Line> line_;
  std::vector<std::byte> reply_;
  Reader result_;
  bool to_take_ = false;
};

}  // namespace multiprocessing::detail
