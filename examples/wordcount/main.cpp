// Word count with a producer and consumers: Process, Queue, Value, Manager().dict and tqdm at work.

#include <algorithm>
#include <exception>
#include <iomanip>
#include <iostream>
#include <ranges>
#include <string>
#include <utility>

#include "options.hpp"
#include "walk.hpp"

namespace {

void print_words(const Words& words, std::size_t top) {
  std::vector<std::pair<std::uint64_t, std::string>> most(std::min(top, words.size()));
  std::ranges::partial_sort_copy(words | std::views::transform([](const auto& entry) {
                                   return std::pair(entry.second, entry.first);
                                 }),
                                 most, [](const auto& a, const auto& b) {
                                   return a.first != b.first ? a.first > b.first
                                                             : a.second < b.second;
                                 });
  for (const auto& [count, word] : most)
    std::cout << std::setw(12) << count << "  " << word << '\n';
}

void print(const Result& result, std::size_t top) {
  const Totals& totals = result.totals;
  std::cout << totals.files << " files, " << totals.lines << " lines, " << totals.words
            << " words, " << result.words.size() << " of them different\n";
  if (totals.unreadable != 0) std::cout << totals.unreadable << " could not be read\n";
  print_words(result.words, top);
}

// True if both are the same; says what is not.
bool agree(const Result& alone, const Result& together, int consumers) {
  bool same = true;
  const auto compare = [&](const char* what, std::uint64_t here, std::uint64_t there) {
    if (here == there) return;
    std::cerr << "wordcount: " << there << ' ' << what << " by " << consumers
              << " consumer processes, but " << here << " by one process alone\n";
    same = false;
  };
  compare("files", alone.totals.files, together.totals.files);
  compare("unreadable files", alone.totals.unreadable, together.totals.unreadable);
  compare("lines", alone.totals.lines, together.totals.lines);
  compare("words", alone.totals.words, together.totals.words);
  compare("different words", alone.words.size(), together.words.size());
  for (const auto& [word, count] : alone.words) {
    const auto other = together.words.find(word);
    if (same && other != together.words.end()) compare(word.c_str(), count, other->second);
  }
  return same;
}

bool count_and_compare(const Options& options) {
  const Result alone = count_alone(options.paths, options.quiet);
  const Result one = count_together(options.paths, 1, options.quiet);
  bool same = agree(alone, one, 1);
  std::cout << std::fixed << std::setprecision(2);
  if (options.consumers == 1) {
    print(one, options.top);
    std::cout << "time: " << one.took.count() << " s with 1 consumer process, ";
  } else {
    const Result many = count_together(options.paths, options.consumers, options.quiet);
    same = agree(alone, many, options.consumers) && same;
    print(many, options.top);
    std::cout << "time: " << one.took.count() << " s with 1 consumer process, " << many.took.count()
              << " s with " << options.consumers << " (" << many.took / one.took << " of it), ";
  }
  std::cout << alone.took.count() << " s in one process alone\n"
            << (same ? "all counts agree\n" : "");
  return same;
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  try {
    const auto options = parse(argc, argv, exit_code);
    if (options) exit_code = count_and_compare(*options) ? 0 : 1;
  } catch (const BadPath& error) {
    std::cerr << "wordcount: " << error.what() << '\n';
    exit_code = 2;
  } catch (const std::exception& error) {
    std::cerr << "wordcount: " << error.what() << '\n';
    exit_code = 1;
  }
  return exit_code;
}
