// The Python program asks two futures whether they are done, waits for their results, then reads
// three more as they are completed (the quickest first), and the same through map (in order).

#include <multiprocessing/futures.hpp>

#include <chrono>
#include <iostream>
#include <thread>
#include <vector>

namespace mp = multiprocessing;

int nap(int length) {
  std::this_thread::sleep_for(length * std::chrono::milliseconds(200));
  return length;
}

int main() {
  mp::ThreadPoolExecutor executor(3);
  const auto a = executor.submit(nap, 2);
  const auto b = executor.submit(nap, 3);
  std::cout << std::boolalpha << a.done() << '\n' << b.done() << '\n';
  std::cout << a.result() << '\n' << b.result() << '\n';

  const std::vector<int> lengths{3, 2, 4};
  std::vector<mp::Future<int>> futures;
  for (const int length : lengths) futures.push_back(executor.submit(nap, length));
  for (const auto& future : mp::as_completed(futures)) std::cout << future.result() << '\n';
  for (const int length : executor.map(nap, lengths)) std::cout << length << '\n';
}
