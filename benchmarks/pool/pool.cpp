// What a Pool costs: a task, a round trip, a map, its own life. Prints one line for each.
//
//   benchmark_pool [rounds]        two workers; so many rounds of each

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include <multiprocessing/pool.hpp>

namespace mp = multiprocessing;

namespace {

int square(int x) {
  return x * x;
}
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
  std::printf("%-40s best %8.3f  median %8.3f  worst %8.3f %s\n", what, seconds.front() * scale,
              seconds[seconds.size() / 2] * scale, seconds.back() * scale, unit);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 20;
  constexpr int kItems = 1'000'000;
  constexpr int kTasks = 100'000;
  constexpr int kTrips = 10'000;

  report("Pool(2), one task, close, join", "ms", 1e3, rounds, [] {
    mp::Pool pool(2);
    (void)pool.apply(square, 3);
    pool.close();
    pool.join();
  });

  mp::Pool pool(2);
  std::vector<int> numbers(kItems);
  std::iota(numbers.begin(), numbers.end(), 0);
  report("map(x * x) over 1e6 ints", "ms", 1e3, rounds, [&] {
    if (pool.map(square, numbers).size() != numbers.size()) std::abort();
  });
  report("map(x * x) over range(1e6)", "ms", 1e3, rounds, [&] {
    if (pool.map(square, mp::range(kItems)).size() != numbers.size()) std::abort();
  });
  report("apply, a round trip", "us", 1e6 / kTrips, rounds, [&] {
    for (int i = 0; i < kTrips; ++i) (void)pool.apply(same, i);
  });
  report("apply_async and get of 1e5, each", "us", 1e6 / kTasks, rounds, [&] {
    std::vector<mp::AsyncResult<int>> results;
    results.reserve(kTasks);
    for (int i = 0; i < kTasks; ++i) results.push_back(pool.apply_async(same, i));
    for (const auto& result : results) (void)result.get();
  });
  report("imap of 1e5 ints, each", "us", 1e6 / kTasks, std::max(rounds / 5, 1), [&] {
    long sum = 0;
    for (const int x : pool.imap(same, mp::range(kTasks))) sum += x;
    if (sum == 0) std::abort();
  });
  report("imap of 1e5 ints, chunks of 100, each", "us", 1e6 / kTasks, std::max(rounds / 5, 1), [&] {
    long sum = 0;
    for (const int x : pool.imap(same, mp::range(kTasks), 100)) sum += x;
    if (sum == 0) std::abort();
  });
  const std::vector<std::string> words(10'000, "a word");
  report("map over 1e4 strings, each", "us", 1e6 / 1e4, rounds,
         [&] { (void)pool.map([](const std::string& word) { return word + "!"; }, words); });
}
