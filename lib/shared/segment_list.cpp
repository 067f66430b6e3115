#include "shared/segment_list.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/arena.hpp"
#include "shm/descriptor.hpp"
#include "shm/family_end.hpp"
#include "shm/family_lock.hpp"
#include "sys/crash_point.hpp"
#include "sys/error.hpp"
#include "sys/ofd.hpp"
#include "sys/random.hpp"
#include "sys/surroundings.hpp"

namespace multiprocessing::shared {
namespace {

constexpr std::uint64_t kMagic = 0x31304D474553504D;  // "MPSEGM01"
constexpr std::string_view kListPrefix = "multiprocessing-";
constexpr std::size_t kLookThroughAt = 64;  // records: then the useless ones are dropped

struct Record {
  std::uint64_t magic = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::array<char, sys::kLongestName + 1> name{};
  std::array<char, 232> reserved{};
};
static_assert(sizeof(Record) == 512 && offsetof(Record, name) == 24, "the file's layout");

std::string path_of(std::string_view name) {
  return std::string(sys::kNamedMemory) + "/" + std::string(name);
}

std::string list_prefix() {
  return std::string(kListPrefix) + std::to_string(sys::effective_user()) + "-";
}

std::string list_path(std::uint64_t number) {
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(number));
  return path_of(list_prefix() + digits.data());
}

std::atomic<std::uint64_t>& list_number() noexcept {
  return shm::arena().header().family_words[shm::kSegmentList];
}

// I3
bool stands_for(const Record& record) noexcept {
  const auto there = sys::status_of(path_of(record.name.data()));
  return there && there->device == record.device && there->inode == record.inode;
}

bool is_record(const Record& record) noexcept {
  const auto end = std::find(record.name.begin(), record.name.end(), '\0');
  return record.magic == kMagic && end != record.name.begin() && end != record.name.end() &&
         std::find(record.name.begin(), end, '/') == end;
}

// An open list; I1.
class List {
 public:
  List(sys::UniqueFd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {
    records_.resize(sys::status_of(file_.get()).size / sizeof(Record));
    if (records_.empty()) return;
    if (!sys::read_at(file_.get(), records_.data(), records_.size() * sizeof(Record), 0)) {
      sys::throw_errno("read", path_);
    }
    for (Record& record : records_) {
      if (!is_record(record)) record = {};
    }
  }

  [[nodiscard]] std::vector<Record>& records() noexcept { return records_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  void add(const Record& record) {
    if (records_.size() >= kLookThroughAt && (records_.size() & (records_.size() - 1)) == 0) {
      drop_useless();
    }
    auto place = std::find_if(records_.begin(), records_.end(),
                              [](const Record& one) { return one.magic == 0; });
    if (place == records_.end()) place = records_.insert(place, Record{});
    *place = record;
    if (!write(*place)) {
      const int error = errno;
      *place = {};
      sys::throw_error(error, "write",
                       path_ + ", in which segments are listed that shall go with " +
                           "the program's last process");
    }
  }
  void remove(Record& record) noexcept {
    record = {};
    (void)write(record);  // in vain: a record without a file
  }
  void remove(const std::string& name, const sys::FileStatus& file) noexcept {
    for (Record& record : records_) {
      if (record.magic != 0 && record.inode == file.inode && record.device == file.device &&
          name == record.name.data()) {
        remove(record);
      }
    }
  }
  [[nodiscard]] bool empty() const noexcept {
    return std::all_of(records_.begin(), records_.end(),
                       [](const Record& record) { return record.magic == 0; });
  }
  void unlink() const noexcept { (void)sys::unlink_named(path_); }
  [[nodiscard]] int fd() const noexcept { return file_.get(); }

 private:
  bool write(const Record& record) const noexcept {
    const auto index = static_cast<std::size_t>(&record - records_.data());
    return sys::write_at(file_.get(), &record, sizeof record, index * sizeof record);  // I4
  }
  void drop_useless() noexcept {
    for (Record& record : records_) {
      if (record.magic != 0 && !stands_for(record)) remove(record);
    }
  }

  sys::UniqueFd file_;
  std::string path_;
  std::vector<Record> records_;
};

std::optional<List> open_list() {
  // relaxed: written under the lock that the caller has
  const std::uint64_t number = list_number().load(std::memory_order_relaxed);
  if (number == 0) return std::nullopt;
  std::string path = list_path(number);
  sys::UniqueFd file = sys::open_named(path);
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) sys::throw_errno("open", path);
  return List(std::move(file), std::move(path));
}

// Where the store has no room, the list is this process's and that of the children that it forks.
void keep(const sys::NamelessFile& file, std::uint64_t number) {
  if (shm::keep_descriptor(file.fd(), number)) return;
  static constinit std::atomic<int> kept{-1};
  const sys::UniqueFd former(
      kept.exchange(sys::duplicate(file.fd()).release(), std::memory_order_acq_rel));
}

List make_list() {
  const sys::NamelessFile file(0600);
  std::uint64_t number = 0;
  while (number == 0) sys::fill_with_random(std::as_writable_bytes(std::span(&number, 1)));
  std::string path = list_path(number);
  if (!sys::lock_byte(file.fd(), 0)) sys::throw_errno("fcntl", path);
  list_number().store(number, std::memory_order_release);  // what is kept is asked for it
  MULTIPROCESSING_CRASH_POINT("segment.list.numbered");
  keep(file, number);
  if (!file.link(path)) sys::throw_error(EEXIST, "linkat", path);
  MULTIPROCESSING_CRASH_POINT("segment.list.linked");
  sys::UniqueFd opened = sys::open_named(path);
  if (!opened) sys::throw_errno("open", path);
  return {std::move(opened), std::move(path)};
}

void retire_if_empty(const List& list) noexcept {
  if (!list.empty()) return;
  list.unlink();
  list_number().store(0, std::memory_order_release);
}

// In the family's last process; no lock: nobody else is there.
void end_with_family() noexcept {
  try {
    std::optional<List> list = open_list();
    if (!list) return;
    for (const Record& record : list->records()) {
      if (record.magic != 0 && stands_for(record)) {
        (void)sys::unlink_named(path_of(record.name.data()));
      }
    }
    list->unlink();
    list_number().store(0, std::memory_order_release);
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): left to the next start
  }
}

// True: nothing is left of it. What others have open stays.
bool remove_unused(const Record& record) {
  if (!stands_for(record)) return true;
  const std::string path = path_of(record.name.data());
  const sys::UniqueFd file = sys::open_named(path);
  if (file && sys::used_by_others(file.get())) return false;
  if (stands_for(record)) (void)sys::unlink_named(path);
  return true;
}

// A regular file of this user's that nobody holds; ours until it is closed.
bool take_over(const sys::UniqueFd& file) {
  if (!file) return false;
  const sys::FileStatus status = sys::status_of(file.get());
  if (!status.is_regular || status.owner != sys::effective_user()) return false;
  return sys::lock_byte(file.get(), 0) && sys::status_of(file.get()).has_name;
}

void clean_up_list(const std::string& name) {
  sys::UniqueFd file = sys::open_named(path_of(name));
  if (!take_over(file)) return;
  List list(std::move(file), path_of(name));
  for (Record& record : list.records()) {
    if (record.magic != 0 && remove_unused(record)) list.remove(record);
  }
  if (list.empty()) list.unlink();
}

void clean_up_unfinished(const std::string& name) {
  const sys::UniqueFd file = sys::open_named(path_of(name));
  if (take_over(file)) (void)sys::unlink_named(path_of(name));
}

const bool at_load = [] {
  shm::register_end_hook(end_with_family);
  try {
    clean_up_after_the_dead();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): left to the next start
  }
  return true;
}();

}  // namespace

bool publish_segment(const sys::NamelessFile& file, const std::string& name) {
  const sys::FileStatus status = sys::status_of(file.fd());
  Record record{.magic = kMagic, .device = status.device, .inode = status.inode};
  std::memcpy(record.name.data(), name.data(), std::min(name.size(), sys::kLongestName));
  const shm::FamilyLock lock(shm::kSegmentsLock);
  std::optional<List> list = open_list();
  if (!list) list.emplace(make_list());
  bool linked = false;
  try {
    list->add(record);
    MULTIPROCESSING_CRASH_POINT("segment.listed");
    linked = file.link(path_of(name));
  } catch (...) {
    list->remove(name, status);
    retire_if_empty(*list);
    throw;
  }
  MULTIPROCESSING_CRASH_POINT("segment.linked");
  if (!linked) {
    list->remove(name, status);
    retire_if_empty(*list);
  }
  return linked;
}

void unlist_segment(const std::string& name, const sys::FileStatus& file) {
  MULTIPROCESSING_CRASH_POINT("segment.unlinked");
  if (shm::Arena::made() == nullptr) return;
  const shm::FamilyLock lock(shm::kSegmentsLock);
  std::optional<List> list = open_list();
  if (!list) return;
  list->remove(name, file);
  retire_if_empty(*list);
}

void clean_up_after_the_dead() {
  for (const std::string& name : sys::names_with(sys::kUnfinished)) clean_up_unfinished(name);
  for (const std::string& name : sys::names_with(list_prefix())) clean_up_list(name);
}

}  // namespace multiprocessing::shared
