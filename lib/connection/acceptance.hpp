#pragma once

// One call of Listener::accept: clients that come, those in the handshake, and the wait for any of
// them to move on.
//
//   run: open? -> talk to the visitors -> let newcomers in -> sleep -> run
//
// Who wakes it: a newcomer, a visitor that answers or hangs up, the bell (the listener was closed,
// or another call left visitors behind), the end of the patience with a visitor, or the deadline.

#include <memory>
#include <vector>

#include "connection/listener_state.hpp"
#include "connection/transport.hpp"
#include "sys/clock.hpp"
#include "sys/fd.hpp"

struct pollfd;

namespace multiprocessing::connection {

class Acceptance {
 public:
  Acceptance(ListenerState& listener, sys::Nanoseconds deadline);
  Acceptance(const Acceptance&) = delete;
  Acceptance& operator=(const Acceptance&) = delete;
  /// Leaves the visitors that are not done in the waiting room.
  ~Acceptance();

  /// \throws as Listener::accept.
  [[nodiscard]] std::shared_ptr<Transport> run();

 private:
  using Result = std::shared_ptr<Transport>;

  void adopt();
  Result talk();
  Result talk_to(Visitors::iterator visitor);
  Result let_in();
  void add_visitor(sys::UniqueFd socket, Address from);
  Result finish(sys::UniqueFd socket, const Address& from);
  bool sleep();
  void dismiss_the_silent();

  ListenerState& listener_;
  sys::Nanoseconds deadline_;
  std::shared_ptr<const sys::UniqueFd> socket_;
  sys::UniqueFd bell_;
  Visitors visitors_;
};

}  // namespace multiprocessing::connection
