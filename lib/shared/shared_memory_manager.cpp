#include <multiprocessing/detail/shared_memory_manager.hpp>

#include <exception>
#include <optional>
#include <string>

#include <multiprocessing/detail/list.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/synchronize.hpp>

#include "shared/segment.hpp"
#include "sys/process.hpp"

namespace multiprocessing {
namespace detail {

// What a manager has made, for all processes that have it.
class MemoryKeeper {
 public:
  MemoryKeeper() = default;
  MemoryKeeper(const MemoryKeeper&) = delete;
  MemoryKeeper& operator=(const MemoryKeeper&) = delete;
  ~MemoryKeeper() { shutdown(); }

  void start() {
    if (made_) {
      throw ValueError("this SharedMemoryManager has been started already: start() is called once");
    }
    made_.emplace();
    starter_ = sys::current_pid();
  }
  void require_started() const {
    if (!made_) throw ValueError("this SharedMemoryManager has not been started: call start()");
    if (made_->over.is_set()) {
      throw ValueError("this SharedMemoryManager has been shut down: make another one");
    }
  }
  void add(const std::string& name) { made_->names.append(name); }
  void shutdown() noexcept {
    if (!made_ || starter_ != sys::current_pid()) return;
    try {
      made_->over.set();
      for (const std::string& name : made_->names.copy()) remove(name);
      made_->names.clear();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): they go with the family
    }
  }

 private:
  static void remove(const std::string& name) {
    try {
      shared::unlink_segment(name);
    } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): somebody has done it
    }
  }

  struct Made {
    List<std::string> names;
    Event over;
  };
  std::optional<Made> made_;
  pid_t starter_ = 0;
};

}  // namespace detail

SharedMemoryManager::SharedMemoryManager() : keeper_(std::make_shared<detail::MemoryKeeper>()) {}

void SharedMemoryManager::start() const {
  keeper_->start();
}

void SharedMemoryManager::shutdown() const noexcept {
  keeper_->shutdown();
}

void SharedMemoryManager::require_started() const {
  keeper_->require_started();
}

SharedMemory SharedMemoryManager::SharedMemory(std::size_t size) const {
  auto memory =
      make<multiprocessing::SharedMemory>(SharedMemoryOptions{.create = true, .size = size});
  keeper_->add(memory.name());
  return memory;
}

ShareableList SharedMemoryManager::keep(multiprocessing::ShareableList list) const {
  keeper_->add(list.shm().name());
  return list;
}

}  // namespace multiprocessing
