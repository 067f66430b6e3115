// What a Pool and the executors cost beside CPython, joblib, oneTBB and OpenMP: two workers, rounds
// of all in turn, medians. joblib, oneTBB and OpenMP take part where they are installed
// (scripts/install_deps.sh peers).
//
//   pool_benchmark [rounds]            all but the idle pool
//   pool_benchmark idle [runs]         CPU time of an idle pool of 16 in 10 s, keeper included

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <multiprocessing/futures.hpp>
#include <multiprocessing/pool.hpp>
#include <support/python_peer.hpp>
#include <support/table.hpp>

#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef HAS_TBB
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#endif

namespace mp = multiprocessing;
using benchmark_support::median;
using benchmark_support::PythonPeer;
using benchmark_support::seconds_of;
using benchmark_support::Table;

namespace {

constexpr int kItems = 1'000'000;
constexpr int kTasks = 100'000;
constexpr int kTrips = 10'000;
constexpr int kTripsBefore = 50'000;

int square(int x) {
  return x * x;
}
int same(int x) {
  return x;
}

void require(bool good) {
  if (!good) std::abort();
}

bool is_prime(long number) {
  if (number < 2) return false;
  if (number == 2) return true;
  if (number % 2 == 0) return false;
  const long last = static_cast<long>(std::floor(std::sqrt(static_cast<double>(number))));
  for (long i = 3; i <= last; i += 2) {
    if (number % i == 0) return false;
  }
  return true;
}
const std::vector<long> kPrimes = {112272535095293, 112582705942171, 112272535095293,
                                   115280095190773, 115797848077099, 1099726899285419};

/// About a millisecond.
double work(int seed) {
  double x = seed;
  for (int i = 0; i < 100'000; ++i) x = std::sqrt(x + i);
  return x;
}

/// Two bare threads that take the items one by one.
template <class F>
void on_two_threads(std::size_t items, const F& call) {
  std::atomic<std::size_t> next{0};
  const auto loop = [&] {
    for (std::size_t i = next++; i < items; i = next++) call(i);
  };
  std::thread other(loop);
  loop();
  other.join();
}

template <class Each>
double each(double seconds, Each count) {
  return seconds * 1e6 / static_cast<double>(count);
}

void measure_map(mp::Pool& pool, PythonPeer& python, int rounds) {
  std::vector<int> numbers(kItems);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::vector<int> results(kItems);
  Table table("map of x * x over 1e6 ints, ms");
  table.add_time("Pool.map", "2.5", 1e3,
                 [&] { require(pool.map(square, numbers).size() == numbers.size()); });
  table.add_time("Pool.map over range", "", 1e3,
                 [&] { require(pool.map(square, mp::range(kItems)).size() == numbers.size()); });
#ifdef _OPENMP
  table.add_time("OpenMP parallel for", "", 1e3, [&] {
#pragma omp parallel for num_threads(2)
    for (int i = 0; i < kItems; ++i) {
      results[static_cast<std::size_t>(i)] = square(numbers[static_cast<std::size_t>(i)]);
    }
  });
#endif
#ifdef HAS_TBB
  table.add_time("oneTBB parallel_for", "", 1e3, [&] {
    tbb::parallel_for(std::size_t{0}, numbers.size(),
                      [&](std::size_t i) { results[i] = square(numbers[i]); });
  });
#endif
  table.add("CPython Pool.map", "", [&] { return python.seconds("map") * 1e3; });
  table.run(rounds);
}

void measure_tasks(mp::Pool& pool, mp::Executor& processes, PythonPeer& python, int rounds) {
  mp::ThreadPoolExecutor threads(2);
  const auto submit = [](mp::Executor& executor) {
    std::vector<mp::Future<int>> futures;
    futures.reserve(kTasks);
    for (int i = 0; i < kTasks; ++i) futures.push_back(executor.submit(same, i));
    for (const auto& future : futures) (void)future.result();
  };
  const auto sum_up = [](auto&& results) {
    long sum = 0;
    for (const int x : results) sum += x;
    require(sum != 0);
  };
  constexpr double kEach = 1e6 / kTasks;
  Table table("one task of many, with its result, us");
  table.add_time("Pool.apply_async", "0.5", kEach, [&] {
    std::vector<mp::AsyncResult<int>> results;
    results.reserve(kTasks);
    for (int i = 0; i < kTasks; ++i) results.push_back(pool.apply_async(same, i));
    for (const auto& result : results) (void)result.get();
  });
  table.add_time("Pool.imap, chunksize 1", "0.5", kEach,
                 [&] { sum_up(pool.imap(same, mp::range(kTasks))); });
  table.add_time("Pool.imap, chunksize 100", "", kEach,
                 [&] { sum_up(pool.imap(same, mp::range(kTasks), 100)); });
  table.add_time("ProcessPoolExecutor.submit", "0.5", kEach, [&] { submit(processes); });
  table.add_time("ProcessPoolExecutor.map", "", kEach,
                 [&] { sum_up(processes.map(same, mp::range(kTasks))); });
  table.add_time("ThreadPoolExecutor.submit", "0.67", kEach, [&] { submit(threads); });
#ifdef HAS_TBB
  table.add_time("oneTBB task_group", "", kEach, [&] {
    std::vector<int> results(kTasks);
    tbb::task_group group;
    for (int i = 0; i < kTasks; ++i) {
      group.run([&results, i] { results[static_cast<std::size_t>(i)] = same(i); });
    }
    group.wait();
  });
#endif
  table.add("CPython Pool.apply_async", "",
            [&] { return each(python.seconds("apply_async"), 1e4); });
  table.add("CPython Pool.imap", "", [&] { return each(python.seconds("imap"), 1e4); });
  table.add("CPython ProcessPoolExecutor.submit", "",
            [&] { return each(python.seconds("submit"), 5e3); });
  table.add("CPython ThreadPoolExecutor.submit", "",
            [&] { return each(python.seconds("threads"), 1e4); });
  if (python.can("joblib")) {
    table.add("joblib Parallel", "", [&] { return each(python.seconds("joblib"), 1e4); });
  }
  table.run(rounds);
}

void measure_trips(mp::Pool& pool, mp::Executor& processes, PythonPeer& python, int rounds) {
  constexpr double kEach = 1e6 / kTrips;
  const auto from_sleep = [](const auto& trip) {
    std::vector<double> times;
    for (int i = 0; i < 50; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      times.push_back(seconds_of(trip) * 1e6);
    }
    return median(times);
  };
  // Woken, a worker may share the caller's core for some 10 ms, until the kernel moves one of them.
  const auto while_spinning = [](const auto& trip) {
    for (int i = 0; i < kTripsBefore; ++i) trip(i);
    return seconds_of([&] {
             for (int i = 0; i < kTrips; ++i) trip(i);
           }) *
           kEach;
  };
  Table table("one task there and back, us");
  table.add("Pool.apply, workers spin", "1",
            [&] { return while_spinning([&](int i) { (void)pool.apply(same, i); }); });
  table.add("ProcessPoolExecutor.submit, workers spin", "1", [&] {
    return while_spinning([&](int i) { (void)processes.submit(same, i).result(); });
  });
  table.add("Pool.apply, workers sleep", "12",
            [&] { return from_sleep([&] { (void)pool.apply(same, 1); }); });
  table.add("ProcessPoolExecutor.submit, workers sleep", "12",
            [&] { return from_sleep([&] { (void)processes.submit(same, 1).result(); }); });
  table.add("CPython Pool.apply", "", [&] { return each(python.seconds("trips"), 500); });
  table.run(rounds);
}

void measure_bytes(mp::Executor& processes, PythonPeer& python, int rounds) {
  const std::vector<char> big(100'000'000, 'x');
  std::vector<char> copy(big.size());
  const auto middle = [](std::span<const char> bytes) { return bytes[bytes.size() / 2]; };
  const auto size = [](const std::vector<char>& bytes) { return bytes.size(); };
  Table table("1e8 bytes as an argument, ms");
  table.add_time("received as a span", "15", 1e3,
                 [&] { require(processes.submit(middle, big).result() == 'x'); });
  table.add_time("received as a vector", "80", 1e3,
                 [&] { require(processes.submit(size, big).result() == big.size()); });
  table.add_time("(one copy in memory)", "", 1e3,
                 [&] { std::copy(big.begin(), big.end(), copy.begin()); });
  table.add("CPython Pool.apply", "", [&] { return python.seconds("bytes") * 1e3; });
  table.run(rounds);
}

void measure_life(PythonPeer& python, int rounds) {
  Table table("Pool(2): made, one task, closed and joined, ms");
  table.add_time("Pool", "1.5", 1e3, [] {
    mp::Pool pool(2);
    require(pool.apply(square, 3) == 9);
    pool.close();
    pool.join();
  });
  table.add("CPython Pool", "", [&] { return python.seconds("life") * 1e3; });
  table.run(rounds);
}

void measure_work(mp::Pool& pool, mp::Executor& processes, int rounds) {
  constexpr int kWork = 200;
  double alone = 0;
  Table table("CPU-bound, ratios");
  table.add("200 x 1 ms: sequential / Pool.map", "1.85", [&] {
    alone = seconds_of([] {
      for (int i = 0; i < kWork; ++i) require(work(i) > 0);
    });
    return alone / seconds_of([&] { (void)pool.map(work, mp::range(kWork)); });
  });
  table.add("the same on two bare threads", "", [&] {
    return alone / seconds_of([] {
             on_two_threads(kWork, [](std::size_t i) { require(work(static_cast<int>(i)) > 0); });
           });
  });
  table.add("six primes: executor.map / two bare threads", "1.08", [&] {
    const double ours = seconds_of([&] {
      int primes = 0;
      for (const bool prime : processes.map(is_prime, kPrimes)) primes += prime ? 1 : 0;
      require(primes == 5);
    });
    std::atomic<int> primes{0};
    const double threads = seconds_of([&] {
      on_two_threads(kPrimes.size(),
                     [&](std::size_t i) { primes += is_prime(kPrimes[i]) ? 1 : 0; });
    });
    require(primes == 5);
    return ours / threads;
  });
  table.run(rounds);

  mp::Pool four(4);
  Table slow("999 tasks of 0.1 ms and one of 2 s on 4 workers, s");
  slow.add_time("Pool.map", "2.3", 1, [&] {
    (void)four.map(
        [](int i) {
          std::this_thread::sleep_for(i == 0 ? std::chrono::microseconds(2'000'000)
                                             : std::chrono::microseconds(100));
          return i;
        },
        mp::range(1000));
  });
  slow.run(1);
}

/// Of the process and all below it, in milliseconds.
double cpu_of(const std::string& pid) {
  double total = 0;
  std::ifstream own("/proc/" + pid + "/schedstat");
  own >> total;
  total /= 1e6;
  std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
  for (std::string child; children >> child;) total += cpu_of(child);
  return total;
}

void measure_idle(int runs) {
  mp::Pool pool(16);
  (void)pool.map(square, mp::range(1000));
  Table table("CPU time in 10 s, ms");
  table.add("idle Pool(16)", "12", [self = std::to_string(::getpid())] {
    const double before = cpu_of(self);
    std::this_thread::sleep_for(std::chrono::seconds(10));
    return cpu_of(self) - before;
  });
  table.run(runs);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "idle") {
    measure_idle(argc > 2 ? std::atoi(argv[2]) : 5);
    return 0;
  }
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  PythonPeer python(PEER_SCRIPT);
#ifdef HAS_TBB
  const tbb::global_control two(tbb::global_control::max_allowed_parallelism, 2);
#endif
  measure_life(python, rounds * 4);
  mp::Pool pool(2);
  mp::ProcessPoolExecutor processes(2);
  measure_map(pool, python, rounds * 4);
  measure_tasks(pool, processes, python, rounds);
  measure_trips(pool, processes, python, rounds);
  measure_bytes(processes, python, rounds);
  measure_work(pool, processes, rounds);
}
