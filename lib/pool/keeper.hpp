#pragma once

// The keeper: the small process that starts a pool's workers, replaces and limits them.
//
//   sharing   private to its process; seats, cells and chunks are shared (state.hpp)
//   threads   it has one
//   death     the next waiter of the owner starts another keeper, which takes over the seats as it
//             finds them; the workers hang on the owner's life pipe and go on meanwhile

#include <memory>
#include <vector>

#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/pool_options.hpp>

#include "pool/stall.hpp"
#include "pool/state.hpp"
#include "pool/worker.hpp"
#include "process/child.hpp"
#include "process/launch.hpp"
#include "shm/name.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::pool {

struct KeeperPlan {
  shm::Name owner;
  int life = -1;                // read end of the owner's life pipe
  int bell_read = -1;           // something is to be looked at
  int bell_write = -1;          // for the workers
  detail::Handle object{};      // the pool's state
  detail::Handle owner_bell{};  // state.hpp
};

class Keeper {
 public:
  Keeper(View& view, const PoolOptions& options, const KeeperPlan& plan);

  /// Keeps the pool until it is over. Returns the process's exit code.
  int run();

 private:
  // What only the keeper knows about a seat.
  struct Post {
    std::shared_ptr<process::Child> child;
    sys::Nanoseconds step_at = sys::kForever;  // when the next step against it is due
    std::uint64_t against = 0;                 // the unit that overran, as in Seat::limit
    bool terminated = false;
    bool ended = false;  // and not cleaned yet: for want of memory
  };

  void adopt();
  void adopt_seat(std::uint32_t index);
  bool take_back(std::uint32_t index, std::uint64_t incarnation) noexcept;
  void fill(std::uint32_t index);
  [[nodiscard]] process::Launched start_worker(std::uint32_t index, std::uint64_t incarnation);
  [[nodiscard]] int be_worker(std::uint32_t index, std::uint64_t incarnation);
  void look_after(std::uint32_t index);
  void clean(std::uint32_t index, int status);
  int refined(int status);
  bool give_back_task(std::uint32_t cell, const Loss& loss);
  bool give_back_chunk(DoingWord doing, const Loss& loss);
  void count_start(bool had_started) noexcept;
  void limit(std::uint32_t index, sys::Nanoseconds now);
  [[nodiscard]] bool to_be_stopped(std::uint32_t index) noexcept;
  void stop(Post& post, sys::Nanoseconds now);
  [[nodiscard]] bool wanted(Phase phase) noexcept;
  void set_alarm(sys::Nanoseconds now) noexcept;
  void wait();
  template <class F>
  void for_each_stray(F visit) noexcept;
  void kill_strays() noexcept;
  void reap_strays() noexcept;

  View& view_;
  PoolState& state_;
  const PoolOptions& options_;
  KeeperPlan plan_;
  std::vector<Post> posts_;
  sys::Nanoseconds wake_at_ = 0;
  Stall stall_;
  int failed_forks_ = 0;
  std::uint64_t oom_kills_ = 0;  // in the control group, those that are accounted for
};

}  // namespace multiprocessing::pool
