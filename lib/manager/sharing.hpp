#pragma once

// Who may use the manager's own memory, and how it is handed over.
//
// Only a process of the same user, on the same machine, in the same pid namespace (names of
// processes are compared with /proc), with the same layouts, that has no arena yet or this very one
// (shm/join.hpp). The kernel tells who is at the other end of a local socket (SO_PEERCRED).
//
// Death
//   manager, before all was sent       the client's connect() throws EOFError; it has no arena yet
//   manager, after it                  the client is one of the family without it
//   client, anywhere                   its connection ends; its slot, if it had one, is swept
// Points: manager.offer.sent .received

#include <string>

#include <multiprocessing/detail/managed.hpp>

#include "manager/protocol.hpp"

namespace multiprocessing::manager {

// In the manager.

/// What a new client is offered: `sharing`, `why_not` and what goes with them.
[[nodiscard]] Welcome offer_for(const Hello& hello, const Connection& client);
void send_descriptors(const Connection& client, std::size_t count);
/// \throws TransferError
void require_shared(const detail::ManagedType& type, const std::string& why_not);
[[noreturn]] void throw_not_shared(const std::string& what, const std::string& why_not);

// In the client.

/// Who this process is.
[[nodiscard]] Hello own_hello(bool wants_to_share);
/// Takes what was offered. Empty: this process is one of the family now; else why it is not.
/// \throws EOFError, std::system_error, TimeoutError if the manager ends it
[[nodiscard]] std::string accept_offer(const Welcome& offer, const Connection& manager,
                                       Timeout timeout);

}  // namespace multiprocessing::manager
