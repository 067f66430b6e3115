#pragma once

// A case for each start method.

#include <multiprocessing/context.hpp>

#include <array>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace multiprocessing::test {

class EachStartMethod : public testing::TestWithParam<StartMethod> {
 protected:
  [[nodiscard]] static Context ctx() { return get_context(GetParam()); }

  static std::optional<int> run(Process& process) {
    process.start();
    process.join();
    return process.exitcode();
  }
};

inline auto each_start_method() {
  return testing::Values(StartMethod::fork, StartMethod::forkserver, StartMethod::spawn);
}

inline std::string name_of_method(const testing::TestParamInfo<StartMethod>& info) {
  constexpr std::array kNames{"Fork", "Forkserver", "Spawn"};
  return kNames.at(static_cast<std::size_t>(info.param));
}

}  // namespace multiprocessing::test
