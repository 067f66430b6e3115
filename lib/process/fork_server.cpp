#include "process/fork_server.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <new>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <multiprocessing/process.hpp>

#include "process/birth_ticket.hpp"
#include "process/launch_anew.hpp"
#include "process/local.hpp"
#include "shm/arena.hpp"
#include "shm/local.hpp"
#include "sys/calls.hpp"
#include "sys/crash_point.hpp"
#include "sys/error.hpp"
#include "sys/rights.hpp"
#include "sys/socket_pair.hpp"
#include "sys/spawn.hpp"
#include "sys/streams.hpp"
#include "sys/surroundings.hpp"

namespace multiprocessing::process {
namespace {

constexpr int kServersPerStart = 3;
// For a server to come to life and answer; far beyond what it needs.
constexpr sys::Nanoseconds kPatience = 60'000'000'000;
constexpr sys::Nanoseconds kBirthPatience = 10'000'000'000;

struct Connection {
  sys::UniqueFd socket;  // closed: the server is asked nothing any more
  shm::Cookie cookie{};
  std::shared_ptr<Child> server;
  sys::Rights rights;  // with which it was executed
};

// One request at a time; a forked child begins anew with both, whoever held the lock.
struct Client {
  std::mutex lock;
  std::atomic<Connection*> connection{nullptr};
  // The write end of the status pipe of the request under way, -1 if none: a child that another
  // thread forks meanwhile must not keep it open.
  std::atomic<int> status{-1};
};

Client& client() noexcept {
  static constinit Client only;  // needs no guard, which a fork might find taken
  return only;
}

// Runs in a forked child: the server is its parent's.
void forget_in_child() noexcept {
  static constinit Connection* inherited = nullptr;  // kept: its parent's threads were in it
  Client& mine = client();
  new (&mine.lock) std::mutex;
  inherited = mine.connection.exchange(nullptr, std::memory_order_relaxed);
  if (inherited != nullptr) inherited->socket.reset();
  // relaxed: this process has one thread, and a fork copied what was there
  const int status = mine.status.exchange(-1, std::memory_order_relaxed);
  if (status >= 0) (void)sys::calls().close(status);
}

// At load: whichever first use of a server a fork comes into the middle of.
const bool hooked = (shm::register_fork_hook(forget_in_child), true);

// It is not to start anything any more, and has ended when this returns, unless it resists.
void disconnect(Connection& connection) noexcept {
  connection.server->send_signal(SIGKILL);
  connection.socket.reset();  // ends one, too, that this process has no right to kill any more
  const sys::Nanoseconds deadline = sys::deadline_after(kBirthPatience);
  try {  // a KeyboardInterrupt does not end this wait
    (void)sys::await_readable(connection.server->pidfd(), -1, deadline);
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): no memory for a poll
  }
  (void)connection.server->poll_exit();
}

// The server of now: one that has died is replaced, and one with rights that this process has
// given up, or has got since, is ended.
Connection& connect() {
  Client& mine = client();
  const sys::Rights rights = sys::own_rights();
  if (Connection* const made = mine.connection.load(std::memory_order_acquire)) {
    if (made->socket && made->rights == rights && !made->server->poll_exit()) return *made;
    disconnect(*made);
  }
  delete mine.connection.exchange(nullptr, std::memory_order_acq_rel);
  auto fresh = std::make_unique<Connection>();
  fresh->rights = rights;
  fresh->cookie = shm::make_cookie();
  sys::SocketPair pair = sys::make_socket_pair();
  fresh->server = spawn_server(pair.second.get(), fresh->cookie);
  fresh->socket = std::move(pair.first);
  mine.connection.store(fresh.get(), std::memory_order_release);
  return *fresh.release();
}

// The pipe by which the server reports. No fork of another thread falls between what is done to the
// write end and its note.
class StatusPipe {
 public:
  StatusPipe() {
    const std::lock_guard no_fork(shm::local().registration);
    pipe_ = sys::make_pipe();
    client().status.store(pipe_.write.get(), std::memory_order_relaxed);  // relaxed: see the hook
  }
  StatusPipe(const StatusPipe&) = delete;
  StatusPipe& operator=(const StatusPipe&) = delete;
  ~StatusPipe() { close_write_end(); }

  void close_write_end() noexcept {
    const std::lock_guard no_fork(shm::local().registration);
    client().status.store(-1, std::memory_order_relaxed);
    pipe_.write.reset();
  }

  [[nodiscard]] int write_end() const noexcept { return pipe_.write.get(); }
  [[nodiscard]] sys::UniqueFd& read_end() noexcept { return pipe_.read; }

 private:
  sys::Pipe pipe_;
};

struct Request {
  sys::UniqueFd ticket;
  std::vector<int> descriptors;
  bool own_group = false;
};

int number_of(const std::optional<FileDescriptor>& stream) {
  return stream ? stream->fileno() : -1;
}

// Streams as the parent has them, so that output goes where the parent's goes.
StreamBits add_streams(const ProcessOptions* settings, std::vector<int>& descriptors) {
  const std::array<const std::optional<FileDescriptor>*, 3> asked =
      settings == nullptr ? std::array<const std::optional<FileDescriptor>*, 3>{}
                          : std::array<const std::optional<FileDescriptor>*, 3>{
                                &settings->stdin_, &settings->stdout_, &settings->stderr_};
  StreamBits bits = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    int fd = asked[i] != nullptr ? number_of(*asked[i]) : -1;
    if (fd < 0 && i > 0 && sys::is_open(static_cast<int>(i))) fd = static_cast<int>(i);
    if (fd < 0) continue;
    descriptors.push_back(fd);
    bits = static_cast<StreamBits>(bits | 1U << i);
  }
  return bits;
}

enum class Outcome { started, server_died };

// False: the server has died, or has not come to its main() within all that time. Its end is told
// by the pidfd: the end of its socket may be held by a child of it that has not gone on yet.
bool await_answer(const Connection& connection, ServerAnswer& answer,
                  std::vector<sys::UniqueFd>& descriptors) noexcept {
  try {
    const int socket = connection.socket.get();
    const sys::Nanoseconds deadline = sys::deadline_after(kPatience);
    (void)sys::await_readable(socket, connection.server->pidfd(), deadline);
    constexpr sys::Nanoseconds kAtOnce = 0;  // one that has died may have answered before
    return sys::receive_message(socket, std::as_writable_bytes(std::span(&answer, 1)), descriptors,
                                kAtOnce) == sys::Received::message;
  } catch (const std::exception&) {
    return false;
  }
}

// Of the child that this was about, nothing is left; it may have had its name already.
void leave_slot_to_the_sweep(Expected& expected) noexcept {
  expected.slot.let_go();
  (void)shm::bury_if_dead(expected.slot.name());
}

Outcome ask(Connection& connection, const Request& request, Expected& expected,
            sys::UniqueFd& status) {
  const ServerRequest message{connection.cookie, request.own_group ? 1U : 0U, 0};
  if (!sys::send_message(connection.socket.get(), std::as_bytes(std::span(&message, 1)),
                         request.descriptors)) {
    if (errno == EPIPE || errno == ECONNRESET) return Outcome::server_died;
    sys::throw_errno("sendmsg", "asking the fork server");
  }
  MULTIPROCESSING_CRASH_POINT("process.request.sent");
  ServerAnswer answer{};
  std::vector<sys::UniqueFd> descriptors;
  if (!await_answer(connection, answer, descriptors)) return Outcome::server_died;
  MULTIPROCESSING_CRASH_POINT("process.request.answered");
  if (answer.error != 0 || descriptors.empty()) {
    leave_slot_to_the_sweep(expected);
    sys::throw_error(answer.error != 0 ? answer.error : EPROTO, "fork", "in the fork server");
  }
  expected.slot.forked(answer.pid);
  expected.child->found(answer.pid, std::move(descriptors.front()));
  expected.child->reported_by(std::move(status));
  return Outcome::started;
}

// The pidfd of the child that has the slot, or a descriptor that is readable as that of the dead.
sys::UniqueFd pidfd_or_end(pid_t pid, Expected& expected) {
  sys::UniqueFd pidfd;
  try {
    pidfd = sys::open_pidfd(pid);
  } catch (const std::system_error& error) {
    if (error.code().value() != ESRCH) throw;
  }
  expected.slot.let_go();
  // One that died before the pidfd was opened: it may be another's.
  if (!pidfd || shm::is_dead(expected.slot.name())) return std::move(sys::make_pipe().read);
  return pidfd;
}

// The server died with the request in its hands. A child holds the status pipe until its pid stands
// in the slot, which is no other process's while we hold its byte: once the pipe is hung up, the
// slot says whether there ever was a child that could have run its target.
bool find_child(Expected& expected, sys::UniqueFd& status) {
  const sys::Nanoseconds deadline = sys::deadline_after(kBirthPatience);
  if (sys::await_readable(status.get(), -1, deadline) == sys::Ready::timed_out) {
    throw ProcessError(
        "the fork server died while it started a process, of which it cannot be told whether it "
        "lives");
  }
  const pid_t pid = shm::pid_of(expected.slot.name());
  if (pid == 0) return false;
  expected.child->found(pid, pidfd_or_end(pid, expected));
  expected.child->reported_by(std::move(status));
  return true;
}

// False: there is none, and nothing is left of one. A child that is not found for an error of ours
// keeps its slot.
bool came_to_life(Expected& expected, sys::UniqueFd& status) {
  try {
    if (find_child(expected, status)) return true;
  } catch (...) {
    leave_slot_to_the_sweep(expected);
    throw;
  }
  leave_slot_to_the_sweep(expected);
  return false;
}

[[noreturn]] void give_up(const Connection& connection) {
  std::string how = "was killed";
  if (const auto code = connection.server->poll_exit()) {
    how = *code < 0 ? "was killed by signal " + std::to_string(-*code)
                    : "ended with exit code " + std::to_string(*code);
  }
  throw ProcessError("the fork server " + how +
                     " before it could start a process; it runs this program up to "
                     "freeze_support(), which must be the first line of main()");
}

}  // namespace

Launched launch_by_server(const LaunchOptions& options, const Work& work) {
  Birth birth = plan_birth(options);
  birth.program_signals = program_signals();
  birth.environment = sys::environment();
  birth.directory = sys::current_directory();
  std::vector<int> streams;
  const StreamBits bits = add_streams(options.settings, streams);
  detail::Writer ticket;
  write_ticket(ticket, TicketKind::process, birth, bits, &work);
  sys::flush_standard_streams();

  const std::lock_guard guard(client().lock);
  for (int server = 1;; ++server) {
    Connection& connection = connect();
    Expected expected(options, Child::Origin::forked_by_server, ticket);
    StatusPipe status;
    Request request;
    request.ticket =
        seal_ticket(ticket, shm::ticket_head(expected.slot.name(), connection.cookie, 0));
    request.own_group = options.settings != nullptr && options.settings->new_group;
    const int sentinel = birth.parent_sentinel >= 0 ? birth.parent_sentinel : request.ticket.get();
    request.descriptors = {request.ticket.get(), expected.slot.life_fd(), sentinel,
                           status.write_end()};
    request.descriptors.insert(request.descriptors.end(), streams.begin(), streams.end());
    if (ask(connection, request, expected, status.read_end()) == Outcome::started) {
      return Launched(std::move(expected.child));
    }
    const bool taken = sys::all_was_received(connection.socket.get());
    disconnect(connection);
    status.close_write_end();
    request.ticket.reset();
    if (taken && came_to_life(expected, status.read_end())) {
      return Launched(std::move(expected.child));
    }
    if (server == kServersPerStart) give_up(connection);
  }
}

void reap_server() noexcept {
  Client& mine = client();
  const std::unique_lock guard(mine.lock, std::try_to_lock);
  if (!guard) return;  // whoever has it looks
  const Connection* const made = mine.connection.load(std::memory_order_acquire);
  if (made != nullptr) (void)made->server->poll_exit();
}

}  // namespace multiprocessing::process
