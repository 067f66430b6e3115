// The figures of README.md, one line each: microseconds, and what takes them. figures.py is the
// same in Python.

#include <multiprocessing/managers.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <string>

namespace mp = multiprocessing;

namespace {

constexpr int kRounds = 5;

/// Prints the best of several rounds, for one of `times`.
template <class F>
void measure(const char* what, int times, F run) {
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < kRounds; ++round) {
    const auto began = std::chrono::steady_clock::now();
    run(times);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - began;
    best = std::min(best, took.count() / times);
  }
  std::printf("%.3f\t%s\n", best, what);
  std::fflush(stdout);
}

void nothing() {}

int square(int x) {
  return x * x;
}

void echo(const mp::Queue<int>& questions, const mp::Queue<int>& answers) {
  for (const int question : questions) answers.put(question);
}

void supply(const mp::Queue<std::string>& items, const mp::Semaphore& start, int times) {
  const std::string item(100, 'x');
  for (int round = 0; round < kRounds; ++round) {
    start.acquire();
    for (int i = 0; i < times; ++i) items.put(item);
  }
}

}  // namespace

int main() {
  measure("start and join a process", 100, [](int times) {
    for (int i = 0; i < times; ++i) {
      mp::Process p(nothing);
      p.start();
      p.join();
    }
  });

  const mp::Queue<int> questions;
  const mp::Queue<int> answers;
  mp::Process echoing(echo, questions, answers);
  echoing.start();
  measure("queue: there and back", 2000, [&](int times) {
    for (int i = 0; i < times; ++i) {
      questions.put(i);
      answers.get();
    }
  });
  questions.shutdown();
  echoing.join();

  const mp::Queue<std::string> items;
  const mp::Semaphore start(0);
  mp::Process supplier(supply, items, start, 20000);
  supplier.start();
  measure("queue: an item of 100 bytes, streaming", 20000, [&](int times) {
    start.release();
    for (int i = 0; i < times; ++i) items.get();
  });
  supplier.join();

  const mp::Lock lock;
  measure("lock: acquire and release", 20000, [&](int times) {
    for (int i = 0; i < times; ++i) {
      lock.acquire();
      lock.release();
    }
  });
  const mp::Value<int> counter;
  measure("value: += 1 under its lock", 20000, [&](int times) {
    for (int i = 0; i < times; ++i) counter.value += 1;
  });
  const auto words = mp::Manager().dict<std::string, int>();
  measure("dict of a manager: d[\"n\"] = i", 2000, [&](int times) {
    for (int i = 0; i < times; ++i) words["n"] = i;
  });
  mp::Pool pool(2);
  measure("pool: apply", 1000, [&](int times) {
    for (int i = 0; i < times; ++i) pool.apply(square, i);
  });
  measure("pool: map, each element", 20000,
          [&](int times) { (void)pool.map(square, mp::range(times)); });
}
