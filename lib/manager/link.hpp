#pragma once

// What a process knows of the manager that it is connected to: where it is, the session there, and
// connections for the calls to come.
//
// A process has a session of its own (Presence). It is kept by one connection, the anchor, on which
// no call is made: calls that were broken off, by a signal, cost the connection that they were on.
//
// Invariants
//   I1  A presence belongs to the process that made it; a forked child makes another at its first
//       call, and lets go of its copy of its parent's.
//   I2  A connection is in a call, or idle, or closed.
//
// Death: the manager's is the end of every connection. This process's ends its session, unless a
// forked child that has not used the manager still has a copy of the anchor; then with that.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <multiprocessing/connection.hpp>

#include "connection/process_lock.hpp"
#include "manager/line.hpp"
#include "manager/protocol.hpp"

namespace multiprocessing::manager {

/// One process's session.
struct Presence {
  explicit Presence(Connection kept) : anchor(std::move(kept)) {}

  std::int32_t pid = 0;
  Connection anchor;
  std::uint64_t session = 0;
  Secret secret{};
  std::string why_not_shared;
  std::vector<Connection> idle;            // under the link's lock, as the next one
  std::unordered_set<std::uint64_t> held;  // objects in the manager
};

class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(Address address, std::string authkey, Timeout timeout)
      : address_(std::move(address)), authkey_(std::move(authkey)), timeout_(timeout) {}

  /// Makes this process's session. \throws as BaseManager::connect.
  void open();
  /// A connection for one call. \throws as `open`.
  [[nodiscard]] std::unique_ptr<Line> take();

  /// The handle of an object of this process has gone; never blocks for long.
  void drop(std::uint64_t number) noexcept;
  /// A result brought an object.
  void note_held(std::uint64_t number);
  /// Asks the manager to stop and waits for its answer.
  void ask_to_stop(Timeout timeout);

  /// Empty: memory is shared. \throws as `open`.
  [[nodiscard]] std::string why_not_shared();
  [[nodiscard]] const Address& address() const noexcept { return address_; }
  /// "the manager at '/run/shop.socket'"
  [[nodiscard]] std::string text() const;

 private:
  friend class Line;

  std::shared_ptr<Presence> here();
  std::shared_ptr<Presence> make_presence();
  std::shared_ptr<Presence> greet(const Address& where, bool is_last, std::string& local_name);
  Welcome introduce(Presence& presence);
  Connection another(const Presence& presence);

  Address address_;
  Address served_at_;  // the same, or the manager's door on this machine
  std::string authkey_;
  Timeout timeout_;
  connection::ProcessLock lock_;  // guards what follows
  std::shared_ptr<Presence> presence_;
};

}  // namespace multiprocessing::manager
