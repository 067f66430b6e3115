// A program for the tests to start: a family of its own, not that of the test.
//
//   program family       makes processes, a pool and shared objects, prints "up", waits
//   program first_use    uses the library and prints what that threw

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string_view>
#include <vector>

#include <multiprocessing/errors.hpp>
#include <multiprocessing/managers.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>

namespace mp = multiprocessing;

namespace {

constexpr std::size_t kMebibytes = 32;

[[noreturn]] void wait_for_the_end() {
  for (;;) ::pause();
}

struct Shared {
  mp::Queue<int> ready;  // gets one item from each process that is up
  mp::Array<char> array = mp::Array<char>(kMebibytes << 20U);
  mp::Dict<int, int> dict;
};

void be_there(const Shared& shared) {
  shared.dict.set(mp::current_process().pid().value_or(0), 1);
  shared.ready.put(1);
  wait_for_the_end();
}

void be_a_parent(const Shared& shared) {
  mp::Process(be_there, shared).start();
  be_there(shared);
}

[[noreturn]] void spin(const Shared& shared) {
  shared.ready.put(1);
  for (volatile int i = 0;;) i = 1 - i;
}

int run_family() {
  const Shared shared;
  std::ranges::fill(shared.array, 'x');
  mp::Process({.daemon = true}, be_there, shared).start();
  mp::Process({.die_with_parent = true}, spin, shared).start();
  mp::Process(be_a_parent, shared).start();
  mp::Pool pool(3);
  auto sleeping = pool.apply_async(be_there, shared);
  auto spinning = pool.apply_async(spin, shared);

  for (int up = 0; up < 6; ++up) shared.ready.get();
  std::cout << "up\n" << std::flush;
  return sleeping.wait() || spinning.wait() ? 1 : 0;
}

int use() {
  try {
    const mp::Lock lock;
    return 0;
  } catch (const mp::ValueError& error) {
    std::cout << error.what() << '\n';
    return 3;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "family") return run_family();
  if (what == "first_use") return use();
  std::cerr << "program family|first_use\n";
  return 2;
}
