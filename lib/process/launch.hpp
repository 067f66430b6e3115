#pragma once

// Starts a process of the family: a Process, a pool's keeper, a worker.
// Under spawn and forkserver: docs/design/start.md, launch_anew.hpp, fork_server.hpp.
//
// Steps, and what a death at each leaves (P: the parent, C: the child)
//
//   P claims a slot        P dead: its byte is free, so the slot is swept
//   P forks                P dead: C lives on as an orphan, or ends by the life pipe
//                          C dead: its byte was locked before the fork and is free now
//   C becomes (C dead after: swept, its holds dropped), binds its life, runs, records its exit
//   P keeps C's pid        C dead: the pidfd tells
//
// Points: process.start.claimed .forked .kept, process.child.born .became .bound,
//   process.end.recorded

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/process_options.hpp>

#include "process/child.hpp"
#include "shm/name.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::process {

struct Birth;

/// Bit of a slot's `flags`: a worker that active_children() of its `parent` lists.
inline constexpr std::uint32_t kListedWorker = 1U << 0U;

struct LaunchOptions {
  // NOLINTBEGIN(readability-redundant-member-init): GCC warns of designators that leave one out
  std::string title{};         // the name of the process, also in ps
  shm::Name parent{};          // in the process table; nobody: the caller
  int life_pipe_read_fd = -1;  // whose other end ends the child; -1: none does
  bool ignore_sigint = false;
  bool inherit_holds = true;   // of shared objects; false: the child drops them at birth
  bool inherit_ends = true;    // of connections; false: to the child they are closed
  bool daemon = false;         // what current_process().daemon() says in the child
  bool listed_worker = false;  // active_children() of `parent` lists it, whoever forks it
  std::string path{};          // "1:2", for the names of its children; empty: the next one
  // NOLINTEND(readability-redundant-member-init)
  const ProcessOptions* settings = nullptr;  // streams, directory, environment, limits, group
};

/// Has `prepare` called before each fork of a child that runs what the program tells it: upper
/// floors see to what of theirs it would lack. At most four.
using Preparation = void (*)() noexcept;
void before_children(Preparation prepare) noexcept;

/// A process that `launch` forked. Copies are one.
class Launched {
 public:
  explicit Launched(std::shared_ptr<Child> child) noexcept : child_(std::move(child)) {}

  [[nodiscard]] shm::Name name() const noexcept { return child_->name(); }
  [[nodiscard]] pid_t pid() const noexcept { return child_->pid(); }
  /// Readable when it has ended.
  [[nodiscard]] int pidfd() const noexcept { return child_->pidfd(); }
  /// How it ended, -N for signal N; empty while it runs. Reaps it and buries its slot.
  [[nodiscard]] std::optional<int> poll_exit() const noexcept { return child_->poll_exit(); }
  /// Blocks until it has ended; false if the deadline came before. Reaps it.
  bool wait(sys::Nanoseconds deadline = sys::kForever) const { return child_->wait(deadline); }
  void send_signal(int signal) const noexcept { child_->send_signal(signal); }
  /// To its whole group, if `settings->new_group`.
  void end_with(int signal) const noexcept { child_->end_with(signal); }

  [[nodiscard]] const std::shared_ptr<Child>& child() const noexcept { return child_; }

 private:
  std::shared_ptr<Child> child_;
};

/// Forks. The child runs `body`, whose return is its exit code, and ends by exit(): its own exit
/// handlers run, its parent's do not. An exception that escapes is reported and makes the code 1;
/// a SystemExit is its code. Nobody but the caller waits for the child, also at exit.
/// \throws std::system_error (EAGAIN, ENOMEM, EMFILE); then there is no child.
[[nodiscard]] Launched launch(const LaunchOptions& options, const std::function<int()>& body);

/// What a process does, under any start method.
using WorkFunction = int(detail::Reader& message);
struct Work {
  std::function<int()> here;                    // in a forked child: as `body` above
  WorkFunction* there = nullptr;                // in one that executed the program anew
  std::function<void(detail::Writer&)> encode;  // what `there` reads; throws TransferError
};

/// Starts a process by `method`; see above. Under spawn and forkserver nothing of this process's
/// memory reaches the child but what `encode` wrote; handles in it are held until the child holds
/// them itself.
/// \throws ValueError if main() has not called freeze_support (not for fork); TransferError if the
/// work cannot be transferred; std::system_error; then there is no child.
[[nodiscard]] Launched launch(StartMethod method, const LaunchOptions& options, const Work& work);

/// What a child of these options must be told.
[[nodiscard]] Birth plan_birth(const LaunchOptions& options);

/// Read end of this process's life pipe, made on first use: hung up when this process has ended,
/// however. A process bound to it (LaunchOptions) ends then. Inherited by children until their
/// birth is done.
int own_life_pipe_read_end();

}  // namespace multiprocessing::process
