#include <multiprocessing/process.hpp>

#include <multiprocessing/detail/start_method.hpp>

#include <csignal>
#include <utility>

#include "process/children.hpp"
#include "process/current.hpp"
#include "process/launch.hpp"
#include "process/local.hpp"
#include "process/newborn.hpp"
#include "process/state.hpp"
#include "shm/process_table.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

// In a child that was not forked.
int run_arrived(detail::Reader& in) {
  // Never destroyed: it is current_process() to the end.
  Process& arrived = *ChildAccess::decode(in).release();
  process::has_decoded();
  process::make_current(arrived);
  arrived.run();
  return 0;
}

}  // namespace

Process::Process() : Process(ProcessOptions{}) {}

Process::Process(ProcessOptions options) : state_(std::make_unique<State>()) {
  State& mine = *state_;
  mine.creator = shm::self();
  mine.path = process::next_path();
  mine.name = options.name.empty() ? "Process-" + mine.path : options.name;
  mine.daemon = options.daemon.value_or(process::local().daemon);
  mine.options = std::move(options);
}

Process::Process(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}

Process::Process(Process&& other) noexcept : state_(std::move(other.state_)) {
  process::current_moved(other, this);
}

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  process::current_moved(*this, nullptr);
  state_ = std::move(other.state_);
  process::current_moved(other, this);
  return *this;
}

Process::~Process() {
  process::current_moved(*this, nullptr);
}

void Process::set_target(std::unique_ptr<detail::Target> target) {
  state_->target = std::move(target);
}

Process::State& Process::state() const {
  if (!state_) throw ValueError("process object was moved from: use the one that it was moved to");
  if (state_->phase == State::Phase::closed) {
    throw ValueError("process object is closed: " + state_->name +
                     " is not to be used after close()");
  }
  return *state_;
}

void Process::run() {
  State& mine = state();
  if (!mine.target) return;
  if (mine.phase != State::Phase::current) {
    mine.target->call();
    return;
  }
  // In the child it is held here: it may destroy this object, and what it owns ends with it.
  const std::unique_ptr<detail::Target> target = std::move(mine.target);
  target->call();
}

void Process::start() {
  State& mine = state();
  mine.check_start();
  process::Children::reap_finished();

  process::LaunchOptions options;
  options.title = mine.name;
  options.path = mine.path;
  options.daemon = mine.daemon;
  options.settings = &mine.options;
  if (mine.daemon || mine.options.die_with_parent) {
    options.life_pipe_read_fd = process::own_life_pipe_read_end();
  }
  const process::Work work{
      .here =
          [this] {
            state_->phase = State::Phase::current;
            process::make_current(*this);
            run();  // nothing of this object is touched after it
            return 0;
          },
      .there = run_arrived,
      .encode = [this](detail::Writer& out) { ChildAccess::encode(*this, out); }};
  const StartMethod method = mine.options.method ? *mine.options.method : get_start_method();
  const process::Launched launched = process::launch(method, options, work);
  mine.child = launched.child();
  mine.phase = State::Phase::started;
  process::Children::keep(mine.child);
  MULTIPROCESSING_CRASH_POINT("process.start.kept");
  mine.target.reset();
  mine.options = {};
}

bool Process::join(Timeout timeout) const {
  return state()
      .own_child("can only join a child process", "can only join a started process")
      .wait(timeout.deadline());
}

bool Process::is_alive() const {
  State& mine = state();
  if (mine.phase == State::Phase::current) return true;
  if (mine.creator != shm::self()) {
    throw ValueError("can only test a child process: " + mine.name +
                     " was started by another one; ask there, or wait for its sentinel");
  }
  return mine.child && !mine.child->poll_exit();
}

std::optional<int> Process::pid() const {
  const State& mine = state();
  if (mine.phase == State::Phase::current) return sys::current_pid();
  return mine.child ? std::optional<int>(mine.child->pid()) : std::nullopt;
}

std::optional<int> Process::exitcode() const {
  const State& mine = state();
  if (!mine.child || mine.creator != shm::self()) return std::nullopt;
  return mine.child->poll_exit();
}

const std::string& Process::name() const {
  return state().name;
}

void Process::set_name(std::string name) {
  State& mine = state();
  mine.name = std::move(name);
  if (mine.phase == State::Phase::current) process::change_current_title(mine.name);
  if (mine.child && mine.creator == shm::self()) mine.child->set_title(mine.name);
}

bool Process::daemon() const {
  return state().daemon;
}

void Process::set_daemon(bool daemon) {
  if (state().phase != State::Phase::fresh) {
    throw ValueError("process has already started: set_daemon() of " + state().name +
                     " comes before start()");
  }
  state().daemon = daemon;
}

int Process::sentinel() const {
  return state().started_child().pidfd();
}
void Process::terminate() {
  state().started_child().end_with(SIGTERM);
}
void Process::kill() {
  state().started_child().end_with(SIGKILL);
}
void Process::interrupt() {
  send_signal(SIGINT);
}
void Process::send_signal(int signal) {
  state().started_child().send_signal(signal);
}

bool Process::stop(Timeout grace) {
  const ChildAccess::Children only{ChildAccess::of(*this)};
  terminate();
  return ChildAccess::finish(only, grace);
}

void Process::close() {
  if (!state_ || state_->phase == State::Phase::closed) return;
  if (state_->child && state_->creator == shm::self() && !state_->child->poll_exit()) {
    throw ValueError(
        "Cannot close a process while it is still running. You should first call join() or "
        "terminate(). It is " +
        state_->name + ", pid " + std::to_string(state_->child->pid()));
  }
  state_->child.reset();
  state_->target.reset();
  state_->phase = State::Phase::closed;
}

std::shared_ptr<process::Child> ChildAccess::of(const Process& process) {
  (void)process.state().own_child("can only stop a child process", "process not started");
  return process.state().child;
}

std::unique_ptr<Process> ChildAccess::stand_in(std::string name, bool daemon) {
  auto state = std::make_unique<Process::State>();
  state->phase = Process::State::Phase::current;
  state->name = std::move(name);
  state->daemon = daemon;
  state->creator = shm::self();
  return std::unique_ptr<Process>(new Process(std::move(state)));
}

bool ChildAccess::finish(const Children& children, Timeout grace) {
  const sys::Nanoseconds deadline = grace.deadline();
  bool by_themselves = true;
  for (const auto& child : children) by_themselves = child->wait(deadline) && by_themselves;
  for (const auto& child : children) {
    // What is left of a group goes too, whoever of it has ended.
    child->end_with(SIGKILL);
  }
  for (const auto& child : children) (void)child->wait(sys::kForever);
  return by_themselves;
}

}  // namespace multiprocessing
