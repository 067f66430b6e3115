#include "shm/family_lock.hpp"

#include "shm/arena.hpp"
#include "shm/local.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::shm {

FamilyLock::FamilyLock(std::size_t word) : word_(arena().header().family_words[word]) {
  const std::uint64_t me = pack_name(here().name);
  std::uint64_t holder = 0;
  // acquire: the former holder's work is done
  if (word_.compare_exchange_strong(holder, me, std::memory_order_acquire)) return;
  Sleeper sleeper(low_half(word_));
  for (;;) {
    sleeper.note();
    holder = 0;
    if (word_.compare_exchange_strong(holder, me, std::memory_order_acquire)) return;
    // another thread of this process may hold it: it is alive
    if (bury_if_dead(unpack_name(holder)) &&
        word_.compare_exchange_strong(holder, me, std::memory_order_acquire)) {
      return;
    }
    (void)sleeper.sleep(static_cast<std::uint32_t>(holder), sys::kForever);
  }
}

FamilyLock::~FamilyLock() {
  word_.store(0, std::memory_order_release);
  wake(low_half(word_), 1);
}

}  // namespace multiprocessing::shm
