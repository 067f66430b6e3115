#include "process/current.hpp"

#include <atomic>
#include <memory>

#include <multiprocessing/process.hpp>

#include "process/local.hpp"
#include "shm/process_table.hpp"
#include "sys/process.hpp"

namespace multiprocessing {
namespace process {
namespace {

// Ordering. Each pair is named where it is used.
//   [C] make_current, stand_in (release) -> current_process (acquire)   the object is complete
constinit std::atomic<Process*> current{nullptr};  // the one started, or made to stand for none
constinit std::string* title = nullptr;            // never destroyed; nullptr in the main process

std::string title_at_birth() {
  return title != nullptr ? *title : "MainProcess";
}

}  // namespace

void set_current_title(const std::string& text) {
  title = new std::string(text);
  current.store(nullptr, std::memory_order_relaxed);  // the parent's; there is only one thread
  shm::set_title(text);
  sys::set_process_title(text);
}

std::string current_title() {
  const Process* const object = current.load(std::memory_order_acquire);  // [C]
  return object != nullptr ? object->name() : title_at_birth();
}

void change_current_title(const std::string& text) {
  shm::set_title(text);
  if (title == nullptr) return;
  *title = text;
  sys::set_process_title(text);
}

void make_current(Process& object) noexcept {
  current.store(&object, std::memory_order_release);  // [C]
}

void current_moved(const Process& from, Process* to) noexcept {
  auto* expected = const_cast<Process*>(&from);
  // relaxed on failure: it is another object, and nothing is read from it
  current.compare_exchange_strong(expected, to, std::memory_order_acq_rel,
                                  std::memory_order_relaxed);
}

}  // namespace process

Process& current_process() {
  Process* object = process::current.load(std::memory_order_acquire);  // [C]
  if (object != nullptr) return *object;
  // None was started for this process: it is the main one, or a pool's worker.
  auto made = ChildAccess::stand_in(process::title_at_birth(), process::local().daemon);
  if (process::current.compare_exchange_strong(object, made.get(), std::memory_order_acq_rel,
                                               std::memory_order_acquire)) {
    return *made.release();
  }
  return *object;  // another thread was faster
}

}  // namespace multiprocessing
