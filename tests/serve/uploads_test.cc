// Uploads in pieces, in virtual time: what is kept, what is refused, what is forgotten.
#include "breakeven/serve/uploads.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "breakeven/model/sha256.h"

namespace breakeven {
namespace {

struct Sender {
    std::string bytes;
    SentFile file;
    explicit Sender(std::string of)
        : bytes(std::move(of)), file{.sha256 = sha256(bytes), .size = Bytes(static_cast<std::int64_t>(bytes.size()))} {}
    SentPiece piece(std::size_t offset, std::size_t length) const {
        const std::string_view part = std::string_view(bytes).substr(offset, length);
        return {.offset = Bytes(static_cast<std::int64_t>(offset)), .bytes = part, .sha256 = sha256(part)};
    }
};

/// "12" bytes received, or the reason of the refusal.
std::string text(const Uploads::Received& received) {
    const auto* refusal = std::get_if<Refusal>(&received);
    return refusal != nullptr ? refusal->reason : std::to_string(std::get<Bytes>(received).count());
}

struct World {
    VirtualClock clock;
    Uploads uploads{clock,
                    {.count = 2, .total = Bytes(100), .forgotten_after = Seconds(600), .displaced_after = Seconds(30)}};
};

RC_GTEST_PROP(Uploads, AnyOrderOfPiecesMakesTheFileOrSaysWhatIsHere, (const std::vector<std::uint8_t>& cuts)) {
    World world;
    const Sender sender("a file that is sent in pieces, some of them twice");
    std::size_t here = 0;
    for (const std::uint8_t cut : cuts) {
        const std::size_t offset = cut % (sender.bytes.size() + 1),
                          length = std::min<std::size_t>(cut % 11, sender.bytes.size() - offset);
        if (offset == here) here += length;
        RC_ASSERT(text(world.uploads.add(sender.file, sender.piece(offset, length))) == std::to_string(here));
        RC_ASSERT(text(world.uploads.begin(sender.file)) == std::to_string(here));
    }
    RC_ASSERT(text(world.uploads.add(sender.file, sender.piece(here, sender.bytes.size() - here))) ==
              std::to_string(sender.bytes.size()));
    const auto taken = world.uploads.take(sender.file);
    RC_ASSERT(std::get<std::string>(taken) == sender.bytes);
    RC_ASSERT(std::holds_alternative<Uploads::TakenAlready>(world.uploads.take(sender.file)));
}

TEST(Uploads, ADamagedPieceIsNotKept) {
    World world;
    const Sender sender("0123456789");
    SentPiece piece = sender.piece(0, 5);
    piece.bytes = "01X34";
    const auto received = world.uploads.add(sender.file, piece);
    EXPECT_EQ(std::get<Refusal>(received).code, RefusalCode::data_loss);
    EXPECT_EQ(text(world.uploads.begin(sender.file)), "0");
}

TEST(Uploads, APieceOutsideTheFileIsRefused) {
    World world;
    const Sender sender("0123456789"), longer("0123456789 and more");
    SentPiece piece = longer.piece(0, 12);
    EXPECT_EQ(text(world.uploads.add(sender.file, piece)), "the piece does not lie inside the file");
    piece.offset = Bytes(-1);
    EXPECT_EQ(text(world.uploads.add(sender.file, piece)), "the piece does not lie inside the file");
    piece.offset = Bytes(std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(text(world.uploads.add(sender.file, piece)), "the piece does not lie inside the file");
}

TEST(Uploads, AFileThatIsNotWhatItWasAnnouncedToBeIsForgotten) {
    World world;
    Sender liar("0123456789");
    liar.file.sha256 = sha256("something else");
    EXPECT_EQ(text(world.uploads.add(liar.file, liar.piece(0, 10))), "10");
    const auto taken = world.uploads.take(liar.file);
    EXPECT_EQ(std::get<Refusal>(taken).code, RefusalCode::data_loss);
    EXPECT_EQ(text(world.uploads.begin(liar.file)), "0");
}

TEST(Uploads, NumberAndSizeAreBounded) {
    World world;
    const Sender a(std::string(40, 'a')), b(std::string(40, 'b')), c("c"), large(std::string(61, 'd')),
        huge(std::string(101, 'e'));
    EXPECT_EQ(text(world.uploads.begin(huge.file)), "the file has 101 B, this server takes 100 B in pieces");
    EXPECT_EQ(text(world.uploads.begin(a.file)), "0");
    EXPECT_EQ(text(world.uploads.begin(large.file)),
              "too many files are being sent to this server; try again later");  // 101 bytes in all
    EXPECT_EQ(text(world.uploads.begin(b.file)), "0");
    EXPECT_EQ(text(world.uploads.begin(c.file)), "too many files are being sent to this server; try again later");
    world.uploads.forget(b.file);
    EXPECT_EQ(text(world.uploads.begin(c.file)), "0");
}

TEST(Uploads, AnAbandonedOneMakesRoomAndIsForgottenInTheEnd) {
    World world;
    const Sender a("aaaa"), b("bbbb"), c("cccc");
    EXPECT_EQ(text(world.uploads.add(a.file, a.piece(0, 2))), "2");
    world.clock.advance(Seconds(20));
    EXPECT_EQ(text(world.uploads.add(b.file, b.piece(0, 2))), "2");
    world.clock.advance(Seconds(11));
    EXPECT_EQ(text(world.uploads.begin(c.file)), "0");  // a has waited for 31 s, b for 11 s
    EXPECT_EQ(text(world.uploads.begin(b.file)), "2");
    world.clock.advance(Seconds(601));
    EXPECT_EQ(text(world.uploads.begin(b.file)), "0");
}

}  // namespace
}  // namespace breakeven
