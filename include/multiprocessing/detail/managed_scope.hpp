#pragma once

/// \file multiprocessing/detail/managed_scope.hpp
/// One call in a manager: which method, and what the method may ask of the connection it came by.
///
///   sharing   a scope belongs to one connection
///   threads   that connection's
///   ordering  none
///   death     of a caller: its waits end, and what was taken for it is given back

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <multiprocessing/detail/codec_stream.hpp>

namespace multiprocessing::detail {

class ManagedScope;

/// A method that may be called from afar.
struct ManagedMethod {
  std::string_view name;
  std::uint64_t signature;
  std::string (*describe)();  // "int (int, std::string)"
  void (*call)(void* object, Reader& arguments, Writer& result, ManagedScope& scope);
};
using ManagedMethods = std::span<const ManagedMethod>;

/// What a class is called, for messages, and what tells it from every other.
struct ManagedClass {
  std::uint64_t id = 0;
  std::string name = {};
};

/// The manager's side of one call.
class ManagedScope {
 public:
  /// Gives an object to the caller as a proxy; its number.
  virtual std::uint64_t give(std::shared_ptr<void> object, ManagedMethods methods,
                             ManagedClass type) = 0;
  /// Keeps a value until the caller has decoded the result.
  virtual void keep(std::shared_ptr<const void> value) = 0;
  /// The caller has hung up, or died.
  [[nodiscard]] virtual bool caller_has_left() const noexcept = 0;
  /// The result may carry handles.
  [[nodiscard]] virtual bool shares_memory() const = 0;
  /// What takes back what the result gives, if the caller does not live to receive it.
  virtual void unless_received(std::function<void()> undo) = 0;

 protected:
  friend class CallersWait;
  friend class CallersTurn;
  virtual void begin_wait() = 0;
  virtual void end_wait() noexcept = 0;
  virtual void begin_turn() = 0;
  virtual void end_turn() noexcept = 0;
  ~ManagedScope() = default;
};

/// While it lives, what this thread waits for is broken off by EOFError when the caller has left.
class CallersWait {
 public:
  explicit CallersWait(ManagedScope& scope) : scope_(scope) { scope_.begin_wait(); }
  CallersWait(const CallersWait&) = delete;
  CallersWait& operator=(const CallersWait&) = delete;
  ~CallersWait() { scope_.end_wait(); }

 private:
  ManagedScope& scope_;
};

/// While it lives, locks are taken, held and released as the caller's thread, which is told apart
/// from all others, and whose death is one. \throws EOFError if it has gone
class CallersTurn {
 public:
  explicit CallersTurn(ManagedScope& scope) : scope_(scope) { scope_.begin_turn(); }
  CallersTurn(const CallersTurn&) = delete;
  CallersTurn& operator=(const CallersTurn&) = delete;
  ~CallersTurn() { scope_.end_turn(); }

 private:
  ManagedScope& scope_;
};

}  // namespace multiprocessing::detail
