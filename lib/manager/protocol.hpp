#pragma once

// What a manager and its clients say to each other, in the library's own codec, each message a
// frame (wire/frame.hpp) on a connection whose ends have shown each other that they know the key.
//
//   client                                     manager
//   Hello           -------------------->      who it is, and what it could share
//                   <--------------------      Welcome: refused and why; or a session
//   offered only:
//   Go              -------------------->
//                   <--------------------      the descriptors (shm/join.hpp)
//   Joined          -------------------->      the session is one of the family's
//   then, as often as wanted:
//   Request         -------------------->
//                   <--------------------      Reply (not to `drop` and `taken`)
//
// A client has one session, which all of its connections belong to: what it holds in the manager is
// the session's, and let go of when its last connection has ended.
//
// Request: operation, then
//   create   name, class (id, name), as a proxy, arguments (id, names), the arguments' bytes
//   call     number, the caller's thread, method, signature, the arguments' bytes
//   adopt    number: a forked child goes on with what its parent had
//   drop     number
//   taken    nothing: what the last reply brought has been received
//   stop     nothing
// Reply: status, whether `taken` is waited for, then the result; or an exception (wire); or, of
// another signature, a text. Until `taken`, or any further request on that connection, handles of
// the reply are kept, and an item or a lock that it tells of is given back if the client goes.
//
// Trust: bytes of a session that shares no memory are a stranger's: no handles, no code.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::manager {

using Bytes = std::vector<std::byte>;

/// In the machine's own order: another machine's is told by it.
inline constexpr std::uint64_t kMagic = 0x3130524D4E525050;  // "PPRNMR01"
inline constexpr std::uint32_t kProtocol = 2;
inline constexpr std::size_t kMaxGreeting = 8192;

using Secret = std::array<std::uint64_t, 2>;

/// Who a client is.
struct Hello {
  std::uint64_t layout_id = 0;
  std::int32_t pid = 0;
  std::uint64_t pid_namespace = 0;
  bool wants_to_share = false;
  bool has_arena = false;
  std::uint64_t arena_device = 0;
  std::uint64_t arena_inode = 0;
  std::uint64_t session = 0;  // 0: a new one
  Secret secret{};
};

enum class Sharing : std::uint8_t { no, the_same, offered };

struct Welcome {
  bool accepted = false;
  std::string refusal = {};
  std::uint64_t layout_id = 0;
  std::uint64_t session = 0;
  Secret secret{};
  Sharing sharing = Sharing::no;
  std::uint8_t descriptors = 0;  // that will be sent, if offered
  std::string why_not = {};
  std::string boot_id = {};
  std::string local_name = {};  // where those on the same machine are served, too; or empty
};

/// The client wants the descriptors now.
struct Go {
  bool wanted = true;
};

/// Whether joining worked; if not, the client goes on without.
struct Joined {
  bool done = false;
};

enum class Operation : std::uint8_t { create, call, adopt, drop, taken, stop };
enum class Status : std::uint8_t { result, error, other_signature };
inline constexpr std::uint8_t kNotToTake = 0;
inline constexpr std::uint8_t kToTake = 1;

/// Sends a greeting, behind magic and protocol.
template <class T>
void send_greeting(const Connection& connection, const T& greeting) {
  detail::Writer out;
  out.plain(kMagic);
  out.plain(kProtocol);
  detail::encode_value(out, greeting);
  connection.send_bytes(out.view());
}

/// \throws ProcessError if it does not begin as a greeting of this version does
void check_greeting(detail::Reader& in);

/// \throws TimeoutError, EOFError, std::system_error; ProcessError if it is none; TransferError
template <class T>
T receive_greeting(const Connection& connection, Timeout timeout) {
  const Bytes message = connection.recv_bytes(kMaxGreeting, timeout);
  detail::Reader in(message, false);
  check_greeting(in);
  auto greeting = detail::decode_value<T>(in);
  in.finish();
  return greeting;
}

/// Names both.
[[nodiscard]] std::string layouts_differ(std::uint64_t clients, std::uint64_t managers);

}  // namespace multiprocessing::manager
