#pragma once

// Rows that take turns, round after round, so that what disturbs one disturbs all, and their
// medians.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace benchmark_support {

inline double seconds_of(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class Table {
 public:
  explicit Table(std::string title) : title_(std::move(title)) {}

  /// A row of values that `measure` returns, one a round. `wanted` stands beside them.
  void add(std::string name, std::string wanted, std::function<double()> measure) {
    rows_.push_back({std::move(name), std::move(wanted), std::move(measure), {}});
  }
  /// A row of times of `body`, multiplied by `scale`.
  void add_time(std::string name, std::string wanted, double scale, std::function<void()> body) {
    add(std::move(name), std::move(wanted),
        [scale, body = std::move(body)] { return seconds_of(body) * scale; });
  }

  /// A row of dashes for what cannot take part here.
  void add_missing(std::string name, std::string why) {
    rows_.push_back({std::move(name), std::move(why), nullptr, {}});
  }

  void run(int rounds) {
    for (Row& row : rows_) {
      if (row.measure) (void)row.measure();  // warm
    }
    for (int round = 0; round < rounds; ++round) {
      for (Row& row : rows_) {
        if (row.measure) row.values.push_back(row.measure());
      }
    }
    std::printf("\n%-52s %10s %10s %10s  %s\n", title_.c_str(), "median", "least", "most",
                "wanted");
    for (const Row& row : rows_) {
      if (row.values.empty()) {
        std::printf("%-52s %10s %10s %10s  %s\n", row.name.c_str(), "-", "-", "-",
                    row.wanted.c_str());
        continue;
      }
      const auto [least, most] = std::minmax_element(row.values.begin(), row.values.end());
      std::printf("%-52s %10.3f %10.3f %10.3f  %s\n", row.name.c_str(), median(row.values), *least,
                  *most, row.wanted.c_str());
    }
    std::fflush(stdout);
  }

 private:
  struct Row {
    std::string name;
    std::string wanted;
    std::function<double()> measure;
    std::vector<double> values;
  };
  std::string title_;
  std::vector<Row> rows_;
};

}  // namespace benchmark_support
