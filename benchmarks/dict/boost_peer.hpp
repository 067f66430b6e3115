#pragma once

// The peer: string -> int in Boost's unordered_map, in Boost's managed shared memory, behind
// Boost's mutex. Nobody survives a death in it.

#include <boost/functional/hash.hpp>
#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <boost/unordered_map.hpp>

#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace peer {

namespace ipc = boost::interprocess;

class BoostDict {
 public:
  /// In a segment of so many bytes, of a fixed size.
  explicit BoostDict(std::size_t size = std::size_t{64} << 20U)
      : name_("dict_benchmark_" + std::to_string(::getpid())) {
    ipc::shared_memory_object::remove(name_.c_str());
    segment_ = ipc::managed_shared_memory(ipc::create_only, name_.c_str(), size);
    ipc::shared_memory_object::remove(name_.c_str());
    mutex_ = segment_.construct<ipc::interprocess_mutex>("mutex")();
    map_ = segment_.construct<Map>("map")(3U, Hash(), Equal(),
                                          Allocator<Pair>(segment_.get_segment_manager()));
  }

  std::optional<int> get(const std::string& key) const {
    const Guard guard(*mutex_);
    const auto found = map_->find(std::string_view(key), Hash(), Equal());
    if (found == map_->end()) return std::nullopt;
    return found->second;
  }

  void set(const std::string& key, int value) const {
    modify(key, [value](int& old) { old = value; });
  }

  template <class F>
  void modify(const std::string& key, F f) const {
    const Guard guard(*mutex_);
    auto found = map_->find(std::string_view(key), Hash(), Equal());
    if (found == map_->end()) {
      const Allocator<char> allocator(segment_.get_segment_manager());
      found = map_->emplace(Text(key.c_str(), allocator), 0).first;
    }
    f(found->second);
  }

  /// Of the segment, in use.
  [[nodiscard]] std::size_t bytes() const {
    return segment_.get_size() - segment_.get_free_memory();
  }

 private:
  template <class T>
  using Allocator = ipc::allocator<T, ipc::managed_shared_memory::segment_manager>;
  using Text = ipc::basic_string<char, std::char_traits<char>, Allocator<char>>;
  using Pair = std::pair<const Text, int>;
  using Guard = ipc::scoped_lock<ipc::interprocess_mutex>;

  static std::string_view view(const Text& text) { return {text.data(), text.size()}; }
  static std::string_view view(std::string_view text) { return text; }

  struct Hash {
    template <class T>
    std::size_t operator()(const T& text) const {
      return std::hash<std::string_view>{}(view(text));
    }
  };
  struct Equal {
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return view(a) == view(b);
    }
  };
  using Map = boost::unordered_map<Text, int, Hash, Equal, Allocator<Pair>>;

  std::string name_;
  mutable ipc::managed_shared_memory segment_;
  ipc::interprocess_mutex* mutex_ = nullptr;
  Map* map_ = nullptr;
};

}  // namespace peer
