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
#include "sys/crash_point.hpp"
#include "sys/error.hpp"
#include "sys/ofd.hpp"
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
  sys::UniqueFd socket;
  shm::Cookie cookie{};
  std::shared_ptr<Child> server;
};

// One request at a time; a forked child begins anew with both, whoever held the lock.
struct Client {
  std::mutex lock;
  std::atomic<Connection*> connection{nullptr};
};

Client& client() noexcept {
  alignas(Client) static std::array<std::byte, sizeof(Client)> room;
  static auto* const only = new (room.data()) Client;
  return *only;
}

// Runs in a forked child: the server is its parent's.
void forget_in_child() noexcept {
  static constinit Connection* inherited = nullptr;  // kept: its parent's threads were in it
  Client& mine = client();
  new (&mine.lock) std::mutex;
  inherited = mine.connection.exchange(nullptr, std::memory_order_relaxed);
  if (inherited != nullptr) inherited->socket.reset();
}

Connection& connect() {
  static const bool hooked = (shm::register_fork_hook(forget_in_child), true);
  (void)hooked;
  Client& mine = client();
  Connection* made = mine.connection.load(std::memory_order_acquire);
  if (made != nullptr && !made->server->poll_exit()) return *made;
  delete mine.connection.exchange(nullptr, std::memory_order_acq_rel);
  auto fresh = std::make_unique<Connection>();
  fresh->cookie = shm::make_cookie();
  sys::SocketPair pair = sys::make_socket_pair();
  fresh->server = spawn_server(pair.second.get(), fresh->cookie);
  fresh->socket = std::move(pair.first);
  made = fresh.release();
  mine.connection.store(made, std::memory_order_release);
  return *made;
}

// It is not to start anything any more.
void disconnect(Connection& connection) noexcept {
  connection.server->send_signal(SIGKILL);
  connection.socket.reset();
  try {
    (void)connection.server->wait(sys::kForever);
  } catch (...) {  // NOLINT(bugprone-empty-catch): raise_on_signal: reaped at the next start
  }
}

struct Request {
  sys::UniqueFd ticket;
  sys::UniqueFd status;
  std::vector<int> descriptors;
  bool own_group = false;
};

// Streams as the parent has them, so that output goes where the parent's goes.
StreamBits add_streams(const ProcessOptions* settings, std::vector<int>& descriptors) {
  const std::array<const std::optional<FileDescriptor>*, 3> asked =
      settings == nullptr ? std::array<const std::optional<FileDescriptor>*, 3>{}
                          : std::array<const std::optional<FileDescriptor>*, 3>{
                                &settings->stdin_, &settings->stdout_, &settings->stderr_};
  StreamBits bits = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    int fd = asked[i] != nullptr && *asked[i] ? (*asked[i])->fileno() : -1;
    if (fd < 0 && i > 0 && sys::is_open(static_cast<int>(i))) fd = static_cast<int>(i);
    if (fd < 0) continue;
    descriptors.push_back(fd);
    bits = static_cast<StreamBits>(bits | 1U << i);
  }
  return bits;
}

enum class Outcome { started, server_died };

// False: the server has died, or has not come to its main() within all that time.
bool await_answer(const Connection& connection, ServerAnswer& answer,
                  std::vector<sys::UniqueFd>& descriptors) noexcept {
  try {
    return sys::receive_message(connection.socket.get(),
                                std::as_writable_bytes(std::span(&answer, 1)), descriptors,
                                sys::deadline_after(kPatience)) == sys::Received::message;
  } catch (const std::exception&) {
    return false;
  }
}

Outcome ask(Connection& connection, const Request& request, Expected& expected,
            sys::UniqueFd status) {
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
    sys::throw_error(answer.error != 0 ? answer.error : EPROTO, "fork", "in the fork server");
  }
  expected.slot.forked(answer.pid);
  expected.child->found(answer.pid, std::move(descriptors.front()));
  expected.child->reported_by(std::move(status));
  return Outcome::started;
}

// The server died with the request in its hands. Nobody but the child and we can hold the slot's
// byte, and we let go of it: so either the child tells its pid, or there is none.
bool came_to_life(Expected& expected) {
  const shm::Name name = expected.slot.name();
  expected.slot.let_go();
  const sys::Nanoseconds deadline = sys::deadline_after(kBirthPatience);
  for (;;) {
    if (const pid_t pid = shm::pid_of(name); pid != 0) {
      sys::UniqueFd pidfd;
      try {
        pidfd = sys::open_pidfd(pid);
      } catch (const std::system_error& error) {
        if (error.code().value() != ESRCH) throw;
        pidfd = std::move(sys::make_pipe().read);  // readable, as the pidfd of the dead
      }
      expected.child->found(pid, std::move(pidfd));
      return true;
    }
    if (shm::bury_if_dead(name)) return false;
    if (sys::now() > deadline) {
      throw ProcessError(
          "the fork server died while it started a process, of which it cannot be "
          "told whether it lives");
    }
    sys::yield();
  }
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
    sys::Pipe status = sys::make_pipe();
    Request request;
    request.ticket =
        seal_ticket(ticket, shm::ticket_head(expected.slot.name(), connection.cookie, 0));
    request.own_group = options.settings != nullptr && options.settings->new_group;
    const int sentinel = birth.parent_sentinel >= 0 ? birth.parent_sentinel : request.ticket.get();
    request.descriptors = {request.ticket.get(), expected.slot.life_fd(), sentinel,
                           status.write.get()};
    request.descriptors.insert(request.descriptors.end(), streams.begin(), streams.end());
    if (ask(connection, request, expected, std::move(status.read)) == Outcome::started ||
        (disconnect(connection), came_to_life(expected))) {
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
