#pragma once

// Listening where a manager that was killed may have listened before.
//
// A killed process leaves the name of its socket behind, and nobody can bind it then. Whoever finds
// that nobody listens there removes it. Two who find that at once must not remove each other's: all
// who bind a path lock its directory meanwhile.
//
// Children of a manager do not have its listening sockets, or they would keep the address taken.
//
// Death: the lock goes with its holder; a name that was bound but not listened on is as good as one
// left behind.

#include <string>

#include <multiprocessing/connection.hpp>

namespace multiprocessing::manager {

/// \throws std::system_error naming bind (EADDRINUSE: somebody listens there).
[[nodiscard]] Listener listen_at(const Address& address, const std::string& authkey);

/// An abstract name that nobody can guess.
[[nodiscard]] std::string fresh_local_name();
/// A key that nobody can guess.
[[nodiscard]] std::string fresh_key();

}  // namespace multiprocessing::manager
