// The Python program sums three chunks in processes, of which the first takes longest: as_completed
// gives the sums as they are done, map in the order of the chunks.

#include <multiprocessing/futures.hpp>

#include <chrono>
#include <iostream>
#include <numeric>
#include <thread>
#include <vector>

namespace mp = multiprocessing;

int total(const std::vector<int>& chunk) {
  std::this_thread::sleep_for((30 - chunk.front()) * std::chrono::milliseconds(20));
  return std::accumulate(chunk.begin(), chunk.end(), 0);
}

int main() {
  std::vector<std::vector<int>> chunks;
  for (const int start : {0, 10, 20}) {
    auto& chunk = chunks.emplace_back(10);
    std::iota(chunk.begin(), chunk.end(), start);
  }

  mp::ProcessPoolExecutor executor(3);
  std::vector<mp::Future<int>> futures;
  for (const auto& chunk : chunks) futures.push_back(executor.submit(total, chunk));
  for (const auto& future : mp::as_completed(futures)) {
    std::cout << "done: " << future.result() << '\n';
  }
  for (const int sum : executor.map(total, chunks)) std::cout << "in order: " << sum << '\n';
}
