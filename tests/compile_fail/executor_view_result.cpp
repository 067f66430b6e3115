// A result that refers to what the worker has.

#include <multiprocessing/futures.hpp>

#include <string>
#include <string_view>

std::string_view first_word(const std::string& text) {
  return std::string_view(text).substr(0, text.find(' '));
}

int main() {
  multiprocessing::ProcessPoolExecutor executor(2);
  return static_cast<int>(executor.submit(first_word, "hello world").result().size());
}
