#pragma once

// The death of a worker that the kernel has probably killed for want of memory.

#include <memory>
#include <string>

#include <multiprocessing/errors.hpp>

namespace multiprocessing::wire {

/// For those who catch it a WorkerDied whose text says more.
class MemoryDeath final : public WorkerDied {
 public:
  explicit MemoryDeath(const WorkerDied& death);
  [[nodiscard]] const char* what() const noexcept override;

 private:
  std::shared_ptr<const std::string> text_;
};

}  // namespace multiprocessing::wire
