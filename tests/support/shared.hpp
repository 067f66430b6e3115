#pragma once

// One object in memory that is shared with every child forked later.

#include <sys/mman.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

namespace multiprocessing::test {

template <typename T>
class Shared {
 public:
  template <typename... Args>
  explicit Shared(Args&&... args) : memory_(map()) {
    new (memory_) T(std::forward<Args>(args)...);
  }

  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  ~Shared() {
    get()->~T();
    ::munmap(memory_, sizeof(T));
  }

  T* get() const { return std::launder(static_cast<T*>(memory_)); }
  T& operator*() const { return *get(); }
  T* operator->() const { return get(); }

 private:
  static void* map() {
    void* memory =
        ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    return memory;
  }

  void* memory_;
};

}  // namespace multiprocessing::test
