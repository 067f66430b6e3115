// What an executor costs: a task with its future, on processes and on threads, there and back, and
// in waits over many. Prints one line for each.
//
//   benchmark_executor [rounds]        two workers; so many rounds of each

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <multiprocessing/futures.hpp>

namespace mp = multiprocessing;

namespace {

int same(int x) {
  return x;
}

void report(const char* what, const char* unit, double scale, int rounds,
            const std::function<void()>& body) {
  std::vector<double> seconds;
  for (int i = 0; i < rounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> span = std::chrono::steady_clock::now() - start;
    seconds.push_back(span.count());
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("%-48s best %8.3f  median %8.3f  worst %8.3f %s\n", what, seconds.front() * scale,
              seconds[seconds.size() / 2] * scale, seconds.back() * scale, unit);
  std::fflush(stdout);
}

void measure(const char* name, mp::Executor& executor, int rounds) {
  constexpr int kTasks = 100'000;
  constexpr int kTrips = 10'000;
  std::printf("%s\n", name);
  report("  submit and result of 1e5, each", "us", 1e6 / kTasks, rounds, [&] {
    std::vector<mp::Future<int>> futures;
    futures.reserve(kTasks);
    for (int i = 0; i < kTasks; ++i) futures.push_back(executor.submit(same, i));
    for (const auto& future : futures) (void)future.result();
  });
  report("  as_completed of 1e4, each", "us", 1e6 / kTrips, rounds, [&] {
    std::vector<mp::Future<int>> futures;
    for (int i = 0; i < kTrips; ++i) futures.push_back(executor.submit(same, i));
    int count = 0;
    for (const auto& future : mp::as_completed(futures)) count += future.done() ? 1 : 0;
    if (count != kTrips) std::abort();
  });
  report("  map of 1e5 ints, each", "us", 1e6 / kTasks, rounds, [&] {
    long sum = 0;
    for (const int x : executor.map(same, mp::range(kTasks))) sum += x;
    if (sum == 0) std::abort();
  });
  report("  there and back", "us", 1e6 / kTrips, rounds, [&] {
    for (int i = 0; i < kTrips; ++i) (void)executor.submit(same, i).result();
  });
  report("  there and back from sleep", "us", 1e6 / 20, std::max(rounds / 4, 1), [&] {
    // The pauses are subtracted below.
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      (void)executor.submit(same, i).result();
    }
  });
  report("  (the pauses alone)", "us", 1e6 / 20, std::max(rounds / 4, 1), [&] {
    for (int i = 0; i < 20; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  });
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 20;
  mp::ProcessPoolExecutor processes(2);
  {
    const std::vector<char> big(100'000'000, 'x');
    const auto first = [](std::span<const char> bytes) { return bytes[bytes.size() / 2]; };
    const auto size = [](const std::vector<char>& bytes) { return bytes.size(); };
    report("1e8 bytes as an argument, as a span", "ms", 1e3, rounds,
           [&] { (void)processes.submit(first, big).result(); });
    report("1e8 bytes as an argument, as a vector", "ms", 1e3, rounds,
           [&] { (void)processes.submit(size, big).result(); });
  }
  measure("ProcessPoolExecutor(2)", processes, rounds);
  mp::ThreadPoolExecutor threads(2);
  measure("ThreadPoolExecutor(2)", threads, rounds);
}
