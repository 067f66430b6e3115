// Items in place: blocks that are a user's between loan and put, and between get_view and its end.
//
// Death: a loan is private(dead), a view taken(dead), or a ticket that is reading(dead): each is in
// the journal or the table of tickets, and found there (shm/block.hpp, ticket.hpp).

#include <cstring>
#include <exception>
#include <new>

#include <multiprocessing/detail/queue_bytes.hpp>

#include "queue/local_queue.hpp"
#include "shm/object.hpp"

namespace multiprocessing::detail {

QueueLoan::QueueLoan(std::size_t size) {
  const shm::Block block = shm::make_message(size, {});
  data_ = shm::block_as<shm::Message>(block.ref.id)->bytes();
  block_ = block.ref.packed();
  entry_ = block.entry;
}

QueueLoan::~QueueLoan() {
  shm::Block block{shm::BlockRef::unpack(block_), entry_};
  if (block) shm::release(block);
}

void QueueView::swap(QueueView& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(block_, other.block_);
  std::swap(entry_, other.entry_);
  std::swap(own_, other.own_);
  std::swap(queue_, other.queue_);
  std::swap(ticket_, other.ticket_);
  std::swap(sequence_, other.sequence_);
}

void QueueView::take(lanes::LocalQueue& queue, const lanes::Taken& taken) {
  if (taken.ticket.ticket != nullptr) {
    queue_ = &queue;
    ticket_ = taken.ticket.ticket;
    sequence_ = taken.ticket.sequence;
  }
  if (taken.block) {
    block_ = taken.block.ref.packed();
    entry_ = taken.block.entry;
  }
  if (taken.block || ticket_ != nullptr) {
    auto* message = ticket_ != nullptr ? lanes::message_of(taken.ticket)
                                       : shm::block_as<shm::Message>(taken.block.ref.id);
    data_ = message->bytes();
    size_ = message->size;
    return;
  }
  own_ = new (std::align_val_t{64}) std::byte[taken.size];
  std::memcpy(own_, taken.into, taken.size);
  data_ = own_;
  size_ = taken.size;
}

QueueView::~QueueView() {
  shm::Block block{shm::BlockRef::unpack(block_), entry_};
  if (block) shm::release_message(block);
  if (ticket_ != nullptr) {
    lanes::keep_in_hand(*queue_, {static_cast<lanes::Ticket*>(ticket_), sequence_});
  }
  ::operator delete[](own_, std::align_val_t{64});
}

}  // namespace multiprocessing::detail
