// The first things that a user would time, each beside what it replaces or promises.
//
//   slice_bench [<rounds>]
//
// Every round measures everything once, so that a disturbance of the machine meets all alike; the
// table shows medians.

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/synchronize.hpp>

namespace mp = multiprocessing;

namespace {

using Clock = std::chrono::steady_clock;
using Word = std::uint64_t;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<int> usable_cpus() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) throw std::runtime_error("sched_getaffinity");
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// This process on the first processor while it lives; its children, on request, on the second.
class Pinned {
 public:
  Pinned() {
    ::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(usable_cpus().front(), &one);
    ::sched_setaffinity(0, sizeof one, &one);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  ~Pinned() { ::sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_{};
};

mp::ProcessOptions on_the_last_cpu() {
  return {.daemon = true, .cpus = {usable_cpus().back()}};
}

void echo(const mp::Queue<Word>& in, const mp::Queue<Word>& out) {
  for (Word item = 1; item != 0;) {
    item = in.get();
    out.put(item);
  }
}

// Microseconds from a put to the arrival of the answer.
double round_trip() {
  constexpr int kTrips = 200'000;
  const mp::Queue<Word> there;
  const mp::Queue<Word> back;
  mp::Process partner(on_the_last_cpu(), echo, there, back);
  partner.start();
  const Pinned pinned;
  const auto trip = [&](Word item) {
    there.put(item);
    if (back.get() != item) std::abort();
  };
  for (Word i = 1; i <= 1000; ++i) trip(i);

  const auto start = Clock::now();
  for (Word i = 1; i <= kTrips; ++i) trip(i);
  const double took = seconds_since(start);

  trip(0);
  partner.join();
  return took / kTrips * 1e6;
}

void swallow(const mp::Queue<Word>& in, const mp::Queue<Word>& out, Word items) {
  out.put(0);
  Word sum = 0;
  for (Word i = 0; i < items; ++i) sum += in.get();
  out.put(sum);
}

// Millions of 8-byte items a second, from one process to another.
double stream() {
  constexpr Word kItems = 5'000'000;
  const mp::Queue<Word> items;
  const mp::Queue<Word> answers;
  mp::Process consumer(on_the_last_cpu(), swallow, items, answers, kItems);
  consumer.start();
  answers.get();
  const Pinned pinned;

  const auto start = Clock::now();
  for (Word i = 0; i < kItems; ++i) items.put(i);
  if (answers.get() != kItems * (kItems - 1) / 2) std::abort();
  const double took = seconds_since(start);

  consumer.join();
  return static_cast<double>(kItems) / took / 1e6;
}

long square(long x) {
  return x * x;
}

// Milliseconds for a map over a million numbers, with two workers that are there already.
double pool_map() {
  std::vector<long> numbers(1'000'000);
  std::iota(numbers.begin(), numbers.end(), 0);
  mp::Pool pool(2);
  pool.map(square, mp::range(100L));

  const auto start = Clock::now();
  const auto squares = pool.map(square, numbers);
  const double took = seconds_since(start);

  if (squares.size() != numbers.size() || squares.back() != square(numbers.back())) std::abort();
  return took * 1e3;
}

template <class Pair>
double nanoseconds_each(const Pair& pair) {
  constexpr int kPairs = 2'000'000;
  const auto start = Clock::now();
  for (int i = 0; i < kPairs; ++i) pair();
  return seconds_since(start) / kPairs * 1e9;
}

double lock_pair() {
  const mp::Lock lock;
  return nanoseconds_each([&] {
    lock.acquire();
    lock.release();
  });
}

double robust_mutex_pair() {
  void* memory = ::mmap(nullptr, sizeof(pthread_mutex_t), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap");
  auto* mutex = new (memory) pthread_mutex_t;
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutex_init(mutex, &attributes);
  const double took = nanoseconds_each([&] {
    ::pthread_mutex_lock(mutex);
    ::pthread_mutex_unlock(mutex);
  });
  ::pthread_mutex_destroy(mutex);
  ::munmap(memory, sizeof(pthread_mutex_t));
  return took;
}

template <class Birth>
double microseconds_each(const Birth& birth) {
  constexpr int kBirths = 200;
  const auto start = Clock::now();
  for (int i = 0; i < kBirths; ++i) birth();
  return seconds_since(start) / kBirths * 1e6;
}

double process_start_and_join() {
  return microseconds_each([] {
    mp::Process child([] {});
    child.start();
    child.join();
  });
}

double bare_fork() {
  return microseconds_each([] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
  });
}

struct Measurement {
  const char* what;
  const char* unit;
  const char* wanted;
  double (*measure)();
  std::vector<double> rounds;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

void print(const std::vector<Measurement>& all) {
  std::printf("%-46s %10s %10s %10s  %-5s %s\n", "", "median", "least", "most", "", "wanted");
  for (const auto& [what, unit, wanted, measure, rounds] : all) {
    const auto [least, most] = std::ranges::minmax(rounds);
    std::printf("%-46s %10.3f %10.3f %10.3f  %-5s %s\n", what, median(rounds), least, most, unit,
                wanted);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  if (usable_cpus().size() < 2) std::puts("only one processor: nothing here means much");
  std::vector<Measurement> all{
      {"8 bytes there and back, Queue and Queue", "us", "<= 2", round_trip, {}},
      {"8-byte items, one producer, one consumer", "M/s", ">= 5", stream, {}},
      {"Pool(2).map of x * x over 1,000,000", "ms", "", pool_map, {}},
      {"Lock: acquire and release", "ns", "", lock_pair, {}},
      {"  robust pthread mutex: lock and unlock", "ns", "", robust_mutex_pair, {}},
      {"Process: start and join", "us", "", process_start_and_join, {}},
      {"  fork, _exit and waitpid", "us", "", bare_fork, {}},
  };
  for (int round = 0; round < std::max(1, rounds); ++round) {
    for (Measurement& one : all) one.rounds.push_back(one.measure());
  }
  std::printf("%d rounds, %zu processors\n", std::max(1, rounds), usable_cpus().size());
  print(all);
}
