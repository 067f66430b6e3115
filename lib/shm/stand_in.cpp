#include "shm/stand_in.hpp"

#include <algorithm>
#include <cstring>

#include "shm/local.hpp"
#include "shm/process_table.hpp"
#include "sys/crash_point.hpp"
#include "sys/process.hpp"

namespace multiprocessing::shm {

void ChildSlot::keep_for_another(std::string_view title) noexcept {
  Slot& slot = slot_at(name_.slot);
  // A helper: it runs nothing of the program's.
  slot.flags.store(kHelper | kStandIn, std::memory_order_seq_cst);
  const std::size_t length = std::min(title.size(), sizeof(Slot::title) - 1);
  std::memcpy(slot.title, title.data(), length);
  slot.title[length] = '\0';
  slot.parent.store(0, std::memory_order_relaxed);  // nobody's child
  slot.pid.store(static_cast<std::uint32_t>(sys::current_pid()), std::memory_order_release);
  forked_ = true;
  stop_launching();
}

StandIn::StandIn(std::string_view title)
    : slot_(std::make_unique<ChildSlot>(Inherits::nothing)),
      name_(slot_->name()),
      pid_(sys::current_pid()) {
  slot_->keep_for_another(title);
  MULTIPROCESSING_CRASH_POINT("standin.made");
}

StandIn::~StandIn() {
  if (pid_ != sys::current_pid()) {
    static_cast<void>(slot_.release());  // its descriptor was closed at the fork
    return;
  }
  // Without a pid the byte alone decides.
  slot_at(name_.slot).pid.store(0, std::memory_order_release);
  slot_.reset();
  MULTIPROCESSING_CRASH_POINT("standin.left");
  static_cast<void>(bury_if_dead(name_));
}

}  // namespace multiprocessing::shm
