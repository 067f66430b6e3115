#pragma once

/// \file sys/socket_pair.hpp
/// Two connected sockets between relatives that pass short messages, with descriptors in them.
///
///   threads   every function may be called concurrently; messages do not mix
///   death     the other end reads the end of the file once the last holder of one end has gone;
///             descriptors in messages that nobody read are closed then

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <vector>

#include "sys/clock.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::sys {

struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};

/// Both ends close-on-exec; a message arrives whole or not at all.
/// \throws std::system_error naming socketpair.
[[nodiscard]] SocketPair make_socket_pair();

/// At the most so many descriptors travel in one message.
inline constexpr std::size_t kMostDescriptors = 8;

/// Sends one message. False with `errno`: EPIPE if the other end has gone.
bool send_message(int socket, std::span<const std::byte> bytes,
                  std::span<const int> descriptors = {}) noexcept;

enum class Received { message, nobody_there, timed_out };

/// Waits for a message until the absolute `deadline`, through interruptions. It must have exactly
/// the length of `bytes`; what it carries is put into `descriptors`, close-on-exec.
/// \throws std::system_error naming recvmsg (EBADMSG for a message of another length, EMFILE where
/// this process has no room for a descriptor: those that came with it are closed, or given back).
Received receive_message(int socket, std::span<std::byte> bytes, std::vector<UniqueFd>& descriptors,
                         Nanoseconds deadline = kForever);

/// Whether the other end has taken out all that was sent to it; it need not exist any more.
[[nodiscard]] bool all_was_received(int socket) noexcept;

/// Who made the other end of the pair (0: cannot be told).
struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
};
[[nodiscard]] Peer peer_of(int socket) noexcept;

/// Whether that user is the one that this process runs as.
[[nodiscard]] bool is_own_user(uid_t uid) noexcept;

}  // namespace multiprocessing::sys
