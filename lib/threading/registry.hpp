#pragma once

// The threads of this process: what each one is, and the list of those that live.
//
//   initial --start--> running --run() has returned--> ended --join or the next start--> reaped
//
//   sharing   private to a process. The hooks around fork keep `lock` during every fork, so a child
//             finds it consistent: it then knows the forking thread only, the others have ended
//   threads   everything is guarded by `lock`, but for the two events and what is constant
//   death     with the process
//
// Invariants
//   I1  `alive` holds every state whose thread runs, and the main thread's once somebody asked.
//   I2  A thread that has ended is joined once: by who finds `reaping` false, under the lock, and
//       sets it. All others wait for `reaped`.
//   I3  `object` is set while the thread may call into a subclass's object.

#include <pthread.h>
#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>
#include <typeinfo>
#include <vector>

#include <multiprocessing/threading.hpp>

#include "threading/local_sync.hpp"

namespace multiprocessing::threads {

enum class Phase { initial, running, ended };

struct ThreadState : std::enable_shared_from_this<ThreadState> {
  std::string name;
  bool daemon = false;
  Phase phase = Phase::initial;
  pthread_t handle{};  // also its ident
  pid_t native_id = 0;
  bool ours = false;  // started by us: to be joined
  bool reaping = false;
  threading::Thread* object = nullptr;
  std::unique_ptr<detail::Target> target;  // of a thread that has not been started
  const std::type_info* plain = &typeid(threading::Thread);  // the type that needs no object
  LocalEvent started;
  LocalEvent ended;
  LocalEvent reaped;
};

using StateRef = std::shared_ptr<ThreadState>;

struct Registry {
  std::mutex lock;
  std::vector<StateRef> alive;
  std::vector<StateRef> finished;  // to be reaped
  StateRef main;
  threading::ExceptHook hook;
  int made = 0;
  int dummies = 0;
  bool exit_handler = false;
};

/// The process's only instance, never destroyed.
Registry& registry() noexcept;

/// The calling thread's state, made for a foreign thread if `make`; else perhaps nullptr.
ThreadState* current_state(bool make = true);
/// The main thread's.
StateRef main_state();
/// For a new thread, by itself.
void become(ThreadState& state) noexcept;

/// Adds a started thread, under the lock; the first one registers `end_all` for exit.
void add(Registry& all, StateRef state);
/// By the thread itself, at its end.
void leave(ThreadState& state) noexcept;

/// Waits until a thread of ours that has ended is gone altogether.
void reap(ThreadState& state) noexcept;
void reap_finished() noexcept;

/// At exit: waits for the threads that are not daemonic, and for those that they start.
void end_all() noexcept;

struct ThreadAccess {
  static threading::ThreadHandle handle(StateRef state) noexcept {
    return threading::ThreadHandle(std::move(state));
  }
};

}  // namespace multiprocessing::threads
