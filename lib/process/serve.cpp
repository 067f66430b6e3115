// The fork server's own side, and the first steps of the processes that it forks.

#include <poll.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <map>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "process/birth_ticket.hpp"
#include "process/fork_server.hpp"
#include "process/newborn.hpp"
#include "process/notice.hpp"
#include "shm/family_end.hpp"
#include "shm/process_table.hpp"
#include "sys/calls.hpp"
#include "sys/children.hpp"
#include "sys/crash_point.hpp"
#include "sys/io.hpp"
#include "sys/signals.hpp"
#include "sys/socket_pair.hpp"
#include "sys/surroundings.hpp"

namespace multiprocessing::process {
namespace {

class Server {
 public:
  Server(int socket, const shm::Cookie& cookie)
      : socket_(socket), cookie_(cookie), ends_(sys::watch_children()) {}

  // Until the program has gone.
  void run() {
    for (;;) {
      wait();
      report_ended();
      if (!answer_one()) return;
    }
  }

 private:
  using Descriptors = std::vector<sys::UniqueFd>;
  using StatusPipes = std::map<pid_t, sys::UniqueFd>;

  void wait() const {
    std::array<struct pollfd, 2> watched{};
    watched[0] = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    watched[1] = {.fd = ends_.get(), .events = POLLIN, .revents = 0};
    // Who wakes it: the program with a request or by its end, the kernel at the end of a child.
    (void)sys::calls().poll(watched.data(), watched.size(), nullptr);
  }

  void report_ended() {
    while (const auto ended = sys::reap_any(ends_.get())) {
      const auto found = status_pipes_.find(ended->pid);
      if (found == status_pipes_.end()) continue;
      const ServerStatus status{ended->status.code, ended->status.signalled ? 1 : 0};
      (void)sys::write_full(found->second.get(), &status, sizeof status);
      status_pipes_.erase(found);
    }
  }

  // False: nobody will ask any more.
  bool answer_one() {
    ServerRequest request{};
    Descriptors received;
    ServerAnswer answer{};
    sys::UniqueFd pidfd;
    try {
      switch (sys::receive_message(socket_.get(), std::as_writable_bytes(std::span(&request, 1)),
                                   received, 0)) {
        case sys::Received::nobody_there:
          return false;
        case sys::Received::timed_out:
          return true;
        case sys::Received::message:
          break;
      }
      MULTIPROCESSING_CRASH_POINT("process.server.asked");
      pidfd = start(request, received, answer);
    } catch (const std::system_error& error) {
      answer = {error.code().value(), 0};
    } catch (const std::exception& error) {
      notice(error.what());
      answer = {EBADMSG, 0};
    }
    const int carried = pidfd.get();
    const std::span<const int> descriptors(&carried, pidfd ? 1U : 0U);
    const bool sent =
        sys::send_message(socket_.get(), std::as_bytes(std::span(&answer, 1)), descriptors);
    MULTIPROCESSING_CRASH_POINT("process.server.answered");
    return sent;
  }

  sys::UniqueFd start(const ServerRequest& request, Descriptors& received, ServerAnswer& answer) {
    if (request.cookie != cookie_ || received.size() < kRequestStreams) {
      throw std::system_error(EPERM, std::system_category(), "a request without the cookie");
    }
    const shm::Ticket ticket(received[kRequestTicket].get(), cookie_);
    StatusPipes::node_type status = make_node(std::move(received[kRequestStatus]));
    shm::ChildSlot slot(ticket.name(), std::move(received[kRequestLife]));
    // The number for the child's pidfd: with a full table there is no child, which might have
    // begun.
    sys::UniqueFd room = sys::duplicate(socket_.get());
    pid_t pid = -1;
    {
      const sys::BlockedSignals blocked;
      pid = sys::fork_process();
      room.reset();
      if (pid == 0) be_child(ticket, slot, received, status.mapped());
    }
    MULTIPROCESSING_CRASH_POINT("process.server.forked");
    slot.forked(pid);
    if (request.own_group != 0) sys::lead_own_group(pid);
    sys::UniqueFd pidfd;
    try {
      pidfd = sys::open_pidfd(pid);  // not reaped before: the pid is its own
    } catch (const std::system_error&) {
      sys::kill_and_reap(pid);  // the program is told that there is no child
      throw;
    }
    status.key() = pid;
    status_pipes_.insert(std::move(status));  // made before the fork: it cannot fail
    answer = {0, pid};
    return pidfd;
  }

  static StatusPipes::node_type make_node(sys::UniqueFd status) {
    StatusPipes room;
    room.emplace(0, std::move(status));
    return room.extract(room.begin());
  }

  // Runs in the child: what is the server's is closed first. The own status pipe stays open until
  // the pid stands in the slot: that is how the program learns whether there is a child.
  [[noreturn]] void be_child(const shm::Ticket& ticket, shm::ChildSlot& slot, Descriptors& received,
                             sys::UniqueFd& status) noexcept {
    sys::stop_watching_children();
    socket_.reset();
    ends_.reset();
    status_pipes_.clear();
    MULTIPROCESSING_CRASH_POINT("process.served.born");
    slot.become_for_another("");
    status.reset();
    std::vector<sys::UniqueFd> streams;
    for (std::size_t i = kRequestStreams; i < received.size(); ++i) {
      streams.push_back(std::move(received[i]));
    }
    sys::UniqueFd sentinel = std::move(received[kRequestSentinel]);
    received.clear();
    be_newborn(ticket, std::move(sentinel), std::move(streams));
  }

  sys::UniqueFd socket_;
  shm::Cookie cookie_;
  sys::UniqueFd ends_;
  StatusPipes status_pipes_;
};

}  // namespace

void serve(int socket, const shm::Cookie& cookie) noexcept {
  try {
    const sys::Peer peer = sys::peer_of(socket);
    if (!sys::is_own_user(peer.uid)) {
      throw std::system_error(EPERM, std::system_category(), "the fork server's socket");
    }
    shm::be_helper();
    sys::ignore_signal(SIGPIPE);  // a program that does not listen to a report; not so in children
    Server(socket, cookie).run();
  } catch (...) {
    report_exception("multiprocessing.forkserver", std::current_exception());
    std::_Exit(1);
  }
  std::_Exit(0);  // what the program registered for its exit is none of this process's affair
}

}  // namespace multiprocessing::process
