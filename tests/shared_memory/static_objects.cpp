// Objects of static storage, used by a child of each start method: prints the exit codes.

#include <multiprocessing/context.hpp>
#include <multiprocessing/managers.hpp>
#include <multiprocessing/shared_memory.hpp>
#include <multiprocessing/synchronize.hpp>

#include <unistd.h>

#include <iostream>
#include <mutex>
#include <string>

namespace mp = multiprocessing;

namespace {

const mp::Lock lock;
const mp::BoundedSemaphore semaphore(2);
const mp::SharedMemory memory("tidy_static_" + std::to_string(::getpid()), true, 100);

void use() {
  const std::scoped_lock guard(lock);
  (void)semaphore.acquire();
  semaphore.release();
  memory.as<int>()[0] += 1;
}

void use_manager() {
  const mp::SharedMemoryManager manager;
  manager.start();
  manager.ShareableList({1, 2, 3})[0] = manager.SharedMemory(10).size();
  manager.shutdown();
}

}  // namespace

int main(int argc, char** argv) {
  mp::freeze_support(argc, argv);
  use();
  use_manager();
  for (const std::string method : {"fork", "spawn", "forkserver"}) {
    auto process = mp::get_context(method).Process(use);
    process.start();
    process.join();
    std::cout << method << ' ' << process.exitcode().value_or(-1) << std::endl;
  }
}
