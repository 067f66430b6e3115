#include "manager/manager_state.hpp"

#include <cerrno>
#include <csignal>
#include <exception>
#include <utility>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include "manager/bind.hpp"
#include "manager/started.hpp"
#include "sys/process.hpp"
#include "sys/signals.hpp"

namespace multiprocessing::manager {
namespace {

using connection::Locked;

// How the process that was started began.
struct Report {
  std::optional<Address> address;
  std::exception_ptr error;
};

// In the process that was started.
void serve_as_child(const Connection& report, const Address& address, const std::string& authkey,
                    const std::shared_ptr<Registry>& registry,
                    const std::function<void()>& initializer) {
  sys::ignore_signal(SIGINT);
  std::shared_ptr<ServerState> server;
  try {
    if (initializer) initializer();
    server = std::make_shared<ServerState>(address, authkey, registry);
  } catch (...) {
    report.send(Report{.address = {}, .error = std::current_exception()});
    throw SystemExit{1};
  }
  report.send(Report{.address = server->address(), .error = {}});
  report.close();
  server->serve();
}

}  // namespace

ManagerState::ManagerState(Address address, ManagerOptions options)
    : options_(std::move(options)),
      authkey_(options_.authkey ? *options_.authkey : fresh_key()),
      registry_(std::make_shared<Registry>()),
      address_(std::move(address)) {}

ManagerState::~ManagerState() {
  if (process_ && parent_ == sys::current_pid()) {
    end_process();
    forget_started(*this);
  }
}

void ManagerState::require(bool right, const char* call) const {
  if (right) return;
  switch (is_) {
    case Is::initial:
      throw ProcessError(std::string(call) +
                         ": this manager has neither been started here nor connected to; call "
                         "start() or connect() first");
    case Is::client:
      throw ProcessError(
          std::string(call) +
          ": this manager is another program's; this one is connected to it, and that "
          "one alone may do this");
    case Is::parent:
      throw ProcessError(std::string(call) +
                         ": this manager has been started already; use it, or make another one");
    case Is::server:
      throw ProcessError(std::string(call) +
                         ": this manager is served in this process; call this in a client of it");
    case Is::over:
      throw ProcessError(std::string(call) + ": this manager has been shut down; make another one");
  }
}

std::shared_ptr<Link> ManagerState::open_link() {
  auto link = std::make_shared<Link>(address_, authkey_, options_.connect_timeout);
  link->open();
  return link;
}

void ManagerState::connect() {
  const Locked lock(lock_);
  require(is_ == Is::initial || is_ == Is::client, "connect");
  link_ = open_link();
  is_ = Is::client;
}

std::shared_ptr<ServerState> ManagerState::serve() {
  const Locked lock(lock_);
  require(is_ == Is::initial, "get_server");
  auto server = std::make_shared<ServerState>(address_, authkey_, registry_);
  address_ = server->address();
  is_ = Is::server;
  return server;
}

void ManagerState::start(const std::function<void()>& initializer) {
  const Locked lock(lock_);
  require(is_ == Is::initial, "start");
  const auto [ours, theirs] = Pipe(false);
  process_.emplace(
      ProcessOptions{.name = "Manager", .method = StartMethod::fork, .die_with_parent = true},
      [report = theirs, other = ours, address = address_, key = authkey_, registry = registry_,
       initializer] {
        other.close();
        serve_as_child(report, address, key, registry, initializer);
      });
  process_->start();
  theirs.close();
  parent_ = sys::current_pid();
  remember_started(*this);
  is_ = Is::parent;
  try {
    const auto report = ours.recv<Report>();
    if (report.error) std::rethrow_exception(report.error);
    address_ = *report.address;
    link_ = open_link();
  } catch (const EOFError&) {
    end_process();
    throw ProcessError("the manager's process has ended before it served: see what it printed");
  } catch (...) {
    end_process();
    throw;
  }
}

// By force, if need be.
void ManagerState::end_process() noexcept {
  is_ = Is::over;
  try {
    if (link_ != nullptr && process_->is_alive()) link_->ask_to_stop(options_.shutdown_timeout);
  } catch (const std::exception&) {  // it has ended, or does not listen
  }
  link_.reset();
  try {
    if (process_->join(options_.shutdown_timeout)) return;
    static_cast<void>(process_->stop(options_.shutdown_timeout));
  } catch (const std::exception&) {  // it is no child of ours any more
  }
}

void ManagerState::shutdown() {
  const Locked lock(lock_);
  if (is_ == Is::over) return;
  require(is_ == Is::parent && parent_ == sys::current_pid(), "shutdown");
  end_process();
}

bool ManagerState::join(Timeout timeout) {
  {
    const Locked lock(lock_);
    require(process_ && parent_ == sys::current_pid(), "join");
  }
  return process_->join(timeout);
}

std::shared_ptr<Link> ManagerState::link() {
  const Locked lock(lock_);
  require(link_ != nullptr, "get");
  return link_;
}

Address ManagerState::address() {
  const Locked lock(lock_);
  return address_;
}

}  // namespace multiprocessing::manager
