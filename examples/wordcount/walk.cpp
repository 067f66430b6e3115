#include "walk.hpp"

namespace fs = std::filesystem;

namespace {

// How many files were visited.
std::size_t walk_directory(const fs::path& directory, const Visitor& visitor) {
  std::size_t files = 0;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code gone;  // an entry may vanish meanwhile: it is passed over
    if (entry->is_symlink(gone)) continue;
    if (entry->is_directory(gone)) {
      files += walk_directory(entry->path(), visitor);
    } else if (entry->is_regular_file(gone)) {
      visitor.file(entry->path());
      ++files;
    }
  }
  if (error) visitor.unreadable_directory(directory, error);
  return files;
}

}  // namespace

void walk(const std::vector<fs::path>& tops, const Visitor& visitor) {
  for (const fs::path& top : tops) {
    std::error_code error;
    const auto type = fs::status(top, error).type();
    if (type == fs::file_type::none || type == fs::file_type::not_found) {
      throw BadPath(top.string() + ": " + error.message());
    }
    if (type == fs::file_type::regular) {
      visitor.file(top);
    } else if (type != fs::file_type::directory) {
      throw BadPath(top.string() + ": neither a file nor a directory");
    } else if (walk_directory(top, visitor) == 0) {
      throw BadPath(top.string() + ": there is no file in this directory");
    }
  }
}
