#include "queue/queue_watch.hpp"

#include <memory>

namespace multiprocessing::lanes {
namespace {

const shm::Bell& opened(shm::Bell& bell) {
  bell.open();
  return bell;
}

}  // namespace

Fileno::Fileno(LocalQueue& queue) : watch_(queue, opened(bell_)) {
  arm();
}

// What comes from now on rings; what is there already is told here.
void Fileno::arm() noexcept {
  bell_.drain();
  watch_.arm();
  if (watch_.ready()) (void)shm::ring(bell_.name());
}

// Invariant: with something in the queue the bell was rung after the last drain, or will be by who
// put it. 1. Something is left: so it is readable. 2. Nothing came since it was armed.
void Fileno::refresh(bool took) noexcept {
  if (took && (watch_.ready() || watch_.untouched())) return;  // 1, 2
  arm();
}

int fileno_of(LocalQueue& queue) {
  Fileno* known = queue.fileno.load(std::memory_order_acquire);
  if (known != nullptr && known->is_own()) return known->fd();
  auto made = std::make_unique<Fileno>(queue);
  // release: other threads of this process find it made. A parent's is left as it is: its note is
  // the parent's, and another thread may be looking at it.
  if (queue.fileno.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
    return made.release()->fd();
  }
  return known->fd();
}

void refresh_fileno(LocalQueue& queue, bool took) noexcept {
  Fileno* known = queue.fileno.load(std::memory_order_acquire);
  if (known != nullptr && known->is_own()) known->refresh(took);
}

void forget_fileno(LocalQueue& queue) noexcept {
  const std::unique_ptr<Fileno> former(queue.fileno.exchange(nullptr, std::memory_order_acq_rel));
  if (former) former->forget();
}

}  // namespace multiprocessing::lanes
