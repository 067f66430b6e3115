// Millions of operations a second on 10,000 keys (string -> int), by one process and by two.
// Rounds of Dict and of its peer alternate, so that a noisy machine is noisy for both.
//
//   dict_benchmark [rounds]

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <multiprocessing/detail/dict.hpp>

#include "boost_peer.hpp"

namespace {

constexpr int kKeys = 10'000;
constexpr int kOperations = 500'000;  // of one process in one round

std::vector<std::string> make_keys() {
  std::vector<std::string> keys;
  for (int i = 0; i < kKeys; ++i) keys.push_back("key_" + std::to_string(i));
  return keys;
}
const std::vector<std::string> keys = make_keys();

const std::string& key_at(int i) {
  return keys[static_cast<std::size_t>(i * 7919LL % kKeys)];
}

struct Board {
  std::atomic<int> ready{0};
  std::atomic<long> nanoseconds[8]{};
};

Board& board() {
  static void* memory =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return *static_cast<Board*>(memory);
}

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu) % static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN)), &set);
  (void)::sched_setaffinity(0, sizeof set, &set);
}

// M/s of all processes together.
double measure(int processes, const std::function<void(int)>& operation) {
  new (&board()) Board;
  for (int p = 0; p < processes; ++p) {
    if (::fork() != 0) continue;
    pin(p);
    operation(p);  // whatever a process does once
    ++board().ready;
    while (board().ready < processes) ::sched_yield();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kOperations; ++i) operation(i + p * 4999);
    board().nanoseconds[p] = (std::chrono::steady_clock::now() - begin).count();
    ::_exit(0);
  }
  double rate = 0;
  for (int p = 0; p < processes; ++p) (void)::wait(nullptr);
  for (int p = 0; p < processes; ++p) {
    rate += kOperations * 1e3 / static_cast<double>(board().nanoseconds[p].load());
  }
  return rate;
}

// Keeps the compiler from dropping a read.
void check(int value) {
  if (value == -1) std::abort();
}

struct Row {
  const char* name;
  int processes;
  std::function<void(int)> dict, peer;
  std::vector<double> dict_rates{}, peer_rates{};
};

double median(std::vector<double> rates) {
  std::sort(rates.begin(), rates.end());
  return rates[rates.size() / 2];
}

void print(const Row& row) {
  std::printf("%-8s %d process%s   Dict %6.1f (best %6.1f)   boost %6.1f (best %6.1f)  M/s\n",
              row.name, row.processes, row.processes == 1 ? "  " : "es", median(row.dict_rates),
              *std::max_element(row.dict_rates.begin(), row.dict_rates.end()),
              median(row.peer_rates),
              *std::max_element(row.peer_rates.begin(), row.peer_rates.end()));
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  const multiprocessing::Dict<std::string, int> dict;
  const peer::BoostDict other;
  for (int i = 0; i < kKeys; ++i) {
    dict.set(key_at(i), i);
    other.set(key_at(i), i);
  }
  const auto increment = [](int& value) { ++value; };
  std::vector<Row> rows;
  for (const int processes : {1, 2}) {
    rows.push_back({"get", processes, [&](int i) { check(*dict.get(key_at(i))); },
                    [&](int i) { check(*other.get(key_at(i))); }});
    rows.push_back({"set", processes, [&](int i) { dict.set(key_at(i), i); },
                    [&](int i) { other.set(key_at(i), i); }});
    rows.push_back({"modify", processes, [&](int i) { dict.modify(key_at(i), increment); },
                    [&](int i) { other.modify(key_at(i), increment); }});
  }
  for (int round = 0; round < rounds; ++round) {
    for (Row& row : rows) {
      row.dict_rates.push_back(measure(row.processes, row.dict));
      row.peer_rates.push_back(measure(row.processes, row.peer));
    }
  }
  for (const Row& row : rows) print(row);
}
