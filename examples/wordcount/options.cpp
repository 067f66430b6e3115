#include "options.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <multiprocessing/process.hpp>

std::optional<Options> parse(int argc, char** argv, int& exit_code) {
  std::vector<std::string> paths;
  Options options{.paths = {},
                  .consumers = std::max(2, multiprocessing::cpu_count()),
                  .top = 10,
                  .quiet = false};

  CLI::App app(
      "Counts files, lines and words: one process walks the directories, others count what it "
      "finds. Then shows what the number of processes brought, and that all counts agree.");
  app.add_option("paths", paths, "files and directories (/usr/include and /usr/share/doc)");
  app.add_option("-n,--consumers", options.consumers, "number of processes that count")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("-t,--top", options.top, "how many of the most frequent words to show")
      ->capture_default_str();
  app.add_flag("-q,--quiet", options.quiet, "draw no progress bars");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }

  options.paths.assign(paths.begin(), paths.end());
  if (options.paths.empty()) {
    options.paths = {"/usr/include"};
    if (std::filesystem::exists("/usr/share/doc")) options.paths.emplace_back("/usr/share/doc");
  }
  return options;
}
