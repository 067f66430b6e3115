#pragma once

// How a process that executed the program anew finds the family that it was started for.
//
// Layout: a sealed file of the starter's user (sys/sealed_file.hpp)
//
//   0     magic       "PRNTCK01"
//   8     layout id   of the shared layouts; programs with different ids refuse each other
//   16    cookie      16 bytes, as the environment names it
//   32    slot, generation   the name that the starter claimed for the process
//   48    arena, life        numbers of the descriptors in the new process; -1: sent beside it
//   56    size        of the file
//   64    what the process floor has to say (process/birth_ticket.hpp)
//
// The variable MULTIPROCESSING_TICKET is "NUMBER:COOKIE", of the ticket's descriptor. It is taken
// out of the environment as soon as it was read, and ignored where AT_SECURE is set.
//
// Invariants
//   T1  A ticket is believed only if its file is sealed, belongs to this user, and has the cookie.
//   T2  One process takes on the name: the one to which the life descriptor was given.
//
// Death: the slot's byte is locked by the life descriptor from before the start on. A process that
// dies before it has taken on its name is swept like any other; the file goes with its readers.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "shm/name.hpp"
#include "sys/fd.hpp"
#include "sys/sealed_file.hpp"

namespace multiprocessing::shm {

inline constexpr const char* kTicketVariable = "MULTIPROCESSING_TICKET";

using Cookie = std::array<std::uint64_t, 2>;

struct TicketHead {
  std::uint64_t magic;
  std::uint64_t layout_id;
  Cookie cookie;
  std::uint64_t slot;
  std::uint64_t generation;
  std::int32_t arena_fd;
  std::int32_t life_fd;
  std::uint64_t size;
};
static_assert(sizeof(TicketHead) == 64 && offsetof(TicketHead, arena_fd) == 48,
              "what follows begins at byte 64");

/// Bytes that cannot be guessed.
[[nodiscard]] Cookie make_cookie();

/// The head of a ticket of `size` bytes for the process named `name`.
[[nodiscard]] TicketHead ticket_head(Name name, const Cookie& cookie, std::size_t size) noexcept;

/// "MULTIPROCESSING_TICKET=NUMBER:COOKIE".
[[nodiscard]] std::string ticket_variable(int fd, const Cookie& cookie);

/// A ticket that was found to be good.
class Ticket {
 public:
  /// \throws ValueError saying what is wrong with it, both layout ids if that is it.
  Ticket(int fd, const Cookie& cookie);

  [[nodiscard]] const TicketHead& head() const noexcept;
  [[nodiscard]] Name name() const noexcept;
  /// What follows the head, in a message that begins with it.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return file_.bytes(); }

 private:
  sys::SealedFile file_;
};

/// The ticket that this process was executed with; nullptr if it was not. Read once.
/// \throws ValueError if the variable is set and what it names is no ticket.
const Ticket* inherited_ticket();

}  // namespace multiprocessing::shm
