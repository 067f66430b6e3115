#include "shared/dict_snapshot.hpp"

#include <vector>

#include "shared/dict_session.hpp"

namespace multiprocessing::shared {
namespace {

constexpr int kPatience = 20;  // looks that writers may spoil

using detail::DictSnapshot;

std::vector<std::atomic<Word>> copy_page(const Page& page) {
  std::vector<std::atomic<Word>> copy(page.header().words);
  for (std::uint32_t i = 0; i < page.header().words; ++i) {
    copy[i].store(load(*page.at(i)), std::memory_order_relaxed);  // relaxed: nobody else sees it
  }
  return copy;
}

enum class Copied { all, spoilt, needs_claim };

/// Entries of one page, from a private copy of it; records from where they lie.
class Copier {
 public:
  Copier(DictSnapshot& out, bool values, bool claimed)
      : out_(out), values_(values), claimed_(claimed) {
    out.clear();
  }

  template <class Valid>
  Copied copy(const Page& page, Valid valid) {
    std::vector<std::atomic<Word>> words = copy_page(page);
    if (!valid()) return Copied::spoilt;
    const Page own(words.data(), page.header().packed());
    Copied copied = Copied::all;
    own.for_each([&](const Slot& slot) {
      if (copied == Copied::all) copied = copy_entry(own, slot);
    });
    return copied == Copied::all && !valid() ? Copied::spoilt : copied;
  }

 private:
  Copied copy_entry(const Page& own, const Slot& slot) {
    if (slot.kind == SlotKind::inside) {
      Words value = own.at(slot.at);
      add(value + words_for(slot.value_size), slot.key_size, value, slot.value_size);
      return Copied::all;
    }
    const RecordEntry record = RecordEntry::read(own.at(slot.at));
    if (values_ && record.handles != 0) {
      if (!claimed_) return Copied::needs_claim;
      pin_handles(record.block, out_.bytes);
    }
    Words value = record.value();
    if (!in_arena(value, record.words())) return Copied::spoilt;
    add(value + words_for(record.value_size), record.key_size, value, record.value_size);
    return Copied::all;
  }

  void add(const std::atomic<Word>* key, std::size_t key_size, const std::atomic<Word>* value,
           std::size_t value_size) {
    DictSnapshot::Entry entry{append(key, key_size), key_size, 0, 0};
    if (values_) {
      entry.value_at = append(value, value_size);
      entry.value_size = value_size;
    }
    out_.entries.push_back(entry);
  }

  std::size_t append(const std::atomic<Word>* words, std::size_t size) {
    const std::size_t at = out_.bytes.size();
    copy_out(out_.bytes.resize(at + words_for(size) * 8) + at, words, size);
    return at;
  }

  DictSnapshot& out_;
  bool values_;
  bool claimed_;
};

std::uint32_t copy_claimed(Table table, Word hash, bool values, DictSnapshot& out) {
  const LeafClaim claim(table, hash);
  Copier copier(out, values, true);
  if (!claim.empty()) (void)copier.copy(claim.page(), [] { return true; });
  return claim.depth();
}

}  // namespace

void pin_handles(Word record, detail::DictBytes& out) {
  auto* message = shm::block_as<shm::Message>(shm::BlockRef::unpack(record).id);
  for (std::uint32_t i = 0; i < message->handles; ++i) {
    // the record holds the object meanwhile
    if (shm::LocalHold* held = shm::hold(message->ids()[i])) out.pin(detail::Handle(held));
  }
}

std::uint32_t copy_leaf(Table table, Word hash, bool values, DictSnapshot& out) {
  for (int looks = 0; looks < kPatience; ++looks) {
    Leaf leaf;
    table.look(hash, leaf);
    Copier copier(out, values, false);
    if (leaf.words == nullptr) return leaf.depth;
    const Copied copied =
        copier.copy(Page(leaf.words, leaf.header), [&] { return !leaf.changed(); });
    if (copied == Copied::all) return leaf.depth;
    if (copied == Copied::needs_claim) break;
  }
  return copy_claimed(table, hash, values, out);
}

}  // namespace multiprocessing::shared
