#include "process/child.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "process/children.hpp"
#include "process/fork_server.hpp"
#include "process/interrupt.hpp"
#include "process/notice.hpp"
#include "shm/process_table.hpp"
#include "sys/interrupt.hpp"
#include "sys/io.hpp"

namespace multiprocessing::process {
namespace {

constexpr sys::Nanoseconds kReportPatience = 1'000'000'000;

int as_exitcode(const sys::ExitStatus& status) noexcept {
  return status.signalled ? -status.code : status.code;
}

bool has_ended(int pidfd) noexcept {
  try {
    return sys::wait_readable(pidfd, 0) == sys::Ready::yes;
  } catch (const std::system_error&) {
    return true;  // somebody closed it: nothing more can be learned
  }
}

}  // namespace

Child::Child(shm::Name name, std::string title, Origin origin, bool daemon, bool own_group)
    : name_(name),
      owner_(shm::self()),
      origin_(origin),
      daemon_(daemon),
      own_group_(own_group),
      title_(std::move(title)) {}

void Child::born(pid_t pid) {
  pid_ = pid;
  try {
    pidfd_ = sys::open_pidfd(pid);
  } catch (const std::system_error& error) {
    if (error.code().value() != ESRCH) {
      sys::kill_and_reap(pid);
      shm::bury_if_dead(name_);
      throw;
    }
  }
  if (pidfd_ && sys::is_unreaped_child(pidfd_.get())) return;
  // It has ended, and the host program reaps (SIGCHLD ignored, or a thread in waitpid): by now the
  // pid may be another's. A pipe without writers is readable, as the pidfd of the dead would be.
  exit_ = status_of_stolen();
  pidfd_ = std::move(sys::make_pipe().read);
  shm::bury_if_dead(name_);
}

void Child::found(pid_t pid, sys::UniqueFd pidfd) noexcept {
  pid_ = pid;
  pidfd_ = std::move(pidfd);
}

std::string Child::title() const {
  const std::lock_guard guard(lock_);
  return title_;
}

void Child::set_title(std::string title) {
  const std::lock_guard guard(lock_);
  title_ = std::move(title);
}

std::optional<int> Child::poll_exit() noexcept {
  std::optional<int> status;
  {
    const std::lock_guard guard(lock_);
    if (exit_) return exit_;
    status = exit_ = ask_kernel();
  }
  if (!status) return std::nullopt;
  shm::bury_if_dead(name_);
  Children::forget(*this);
  return status;
}

// The kernel gives a child's status once, to one caller; the record's lock makes that us.
std::optional<int> Child::ask_kernel() noexcept {
  if (origin_ == Origin::forked_by_server) {
    if (!has_ended(pidfd_.get())) return std::nullopt;
    if (const auto status = reported()) return status;
    return status_of_stolen();
  }
  if (origin_ == Origin::elsewhere) {
    return has_ended(pidfd_.get()) ? std::optional(status_of_stolen()) : std::nullopt;
  }
  if (const auto status = sys::reap(pidfd_.get(), false)) return as_exitcode(*status);
  if (errno == EAGAIN) return std::nullopt;
  return status_of_stolen();
}

// The child is a zombie, and its server is about to reap it and to report; or the server has died,
// which the pipe tells, too. One that was stopped is not waited for beyond all bounds.
std::optional<int> Child::reported() noexcept {
  if (!status_) return std::nullopt;
  const sys::UniqueFd status = std::move(status_);
  const sys::Nanoseconds deadline = sys::deadline_after(kReportPatience);
  try {
    (void)sys::await_readable(status.get(), -1, deadline);
  } catch (const std::system_error&) {
    return std::nullopt;
  }
  ServerStatus told{};
  if (!has_ended(status.get()) ||  // readable, that is
      sys::read_full(status.get(), &told, sizeof told) != static_cast<ssize_t>(sizeof told)) {
    return std::nullopt;
  }
  return as_exitcode({.code = told.code, .signalled = told.signalled != 0});
}

int Child::status_of_stolen() const noexcept {
  if (const int code = shm::recorded_exit(name_); code >= 0) return code;
  if (const auto status = sys::exit_status_after_reaping(pidfd_.get())) return as_exitcode(*status);
  if (origin_ == Origin::forked_here) {
    notice(
        "the host program has reaped a child (SIGCHLD ignored, or a foreign waitpid); "
        "it is reported as killed by SIGKILL");
  }
  return -SIGKILL;
}

bool Child::wait(sys::Nanoseconds deadline) {
  for (;;) {
    switch (sys::wait_readable_interruptibly(pidfd_.get(), deadline)) {
      case sys::Ready::yes:
        if (poll_exit()) return true;
        sys::yield();  // ended, but a debugger has not let go of it yet
        break;
      case sys::Ready::timed_out:
        return poll_exit().has_value();
      case sys::Ready::interrupted:
        interrupted();
        break;
    }
  }
}

void Child::send_signal(int signal) const noexcept {
  if (pidfd_) (void)sys::send_signal(pidfd_.get(), signal);
}

void Child::end_with(int signal) const noexcept {
  if (own_group_) {
    (void)sys::send_signal_to_group(pidfd_.get(), pid_, signal);
  } else {
    send_signal(signal);
  }
}

}  // namespace multiprocessing::process
