#pragma once

// A child as its parent knows it: how to wait for it, signal it, learn how it ended.
//
//   sharing   private to the process that made the record; in a forked child it is of no use
//   threads   every member may be called concurrently
//   death     the end of the child is told by the kernel (pidfd); its status is taken once, under
//             the record's lock, and its slot is buried at once, which wakes whoever waits for it

#include <sys/types.h>

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "shm/name.hpp"
#include "sys/children.hpp"
#include "sys/clock.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::process {

class Child {
 public:
  enum class Origin {
    forked_here,       // ours to reap
    forked_by_server,  // the fork server reaps it, and reports
    elsewhere          // a worker whose parent in the process table we are; somebody else reaps it
  };

  Child(shm::Name name, std::string title, Origin origin, bool daemon = false,
        bool own_group = false);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() = default;

  /// In the parent, once, after the fork: takes note of the pid. If the child has ended and was
  /// reaped by somebody else by now, it counts as ended.
  /// \throws std::system_error naming pidfd_open; the child has been killed then.
  void born(pid_t pid);

  /// For a child from elsewhere.
  void found(pid_t pid, sys::UniqueFd pidfd) noexcept;

  /// For one that the fork server reaps: where it writes how the child ended.
  void reported_by(sys::UniqueFd status) noexcept { status_ = std::move(status); }

  [[nodiscard]] shm::Name name() const noexcept { return name_; }
  [[nodiscard]] shm::Name owner() const noexcept { return owner_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  [[nodiscard]] bool daemon() const noexcept { return daemon_; }

  [[nodiscard]] std::string title() const;
  void set_title(std::string title);

  /// How it ended, -N for signal N; empty while it runs. Reaps it. Never blocks.
  std::optional<int> poll_exit() noexcept;
  /// True if it is known already that it has ended. Asks nobody.
  [[nodiscard]] bool known_ended() const {
    const std::lock_guard guard(lock_);
    return exit_.has_value();
  }

  /// Blocks until it has ended; false if the deadline came before.
  /// \throws KeyboardInterrupt where raise_on_signal asks for it.
  bool wait(sys::Nanoseconds deadline);

  /// To the process only. Nothing happens if it has ended.
  void send_signal(int signal) const noexcept;

  /// To the process, or to its whole group if it leads one, even after its end.
  void end_with(int signal) const noexcept;

 private:
  friend class Children;

  [[nodiscard]] std::optional<int> ask_kernel() noexcept;
  [[nodiscard]] int status_of_stolen() const noexcept;
  [[nodiscard]] std::optional<int> reported() noexcept;

  const shm::Name name_;
  const shm::Name owner_;
  const Origin origin_;
  const bool daemon_;
  const bool own_group_;
  pid_t pid_ = 0;
  sys::UniqueFd pidfd_;
  sys::UniqueFd status_;
  mutable std::mutex lock_;  // guards what follows
  std::string title_;
  std::optional<int> exit_;
  std::size_t place_ = 0;  // in the registry, guarded by its lock
  bool registered_ = false;
};

}  // namespace multiprocessing::process
