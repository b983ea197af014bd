/* pieces.c - see pieces.h. */
#include <stdio.h>
#include "net/pieces.h"

void pieces_begin(struct pieces *p, struct body_source *source, int64_t bytes, bool chunks, unsigned *streams)
{
    *p = (struct pieces){ .source = source, .streams = streams, .left = bytes, .over = bytes == 0 };
    p->framing = bytes >= 0 ? BODY_LENGTH : chunks ? BODY_CHUNKS : BODY_TO_CLOSE;
    ++*streams;
}

void pieces_stop(struct pieces *p)
{
    struct body_source *source = TAKE(p->source);

    if (source == NULL)
        return;
    CHECK(*p->streams > 0);
    --*p->streams;
    source->stop(source);
}

static void make_frame(struct pieces *p, struct str before, struct str piece, struct str after)
{
    p->v[0] = before;
    p->v[1] = piece;
    p->v[2] = after;
    p->bytes = before.n + piece.n + after.n;
    p->sent = 0;
}

static void frame_some(struct pieces *p, struct str piece)
{
    int n;

    if (p->framing != BODY_CHUNKS) {
        make_frame(p, STR(""), piece, STR(""));
        p->left -= p->framing == BODY_LENGTH ? (int64_t)piece.n : 0;
        p->over = p->left == 0;
        return;
    }
    n = snprintf(p->line, sizeof p->line, "%zx\r\n", piece.n);
    make_frame(p, str_make(p->line, (size_t)n), piece, STR("\r\n"));
}

int pieces_next(struct pieces *p, size_t most)
{
    struct str piece = STR("");

    CHECK(pieces_hungry(p) && most > 0);
    if (p->framing == BODY_LENGTH)
        most = (size_t)MIN((int64_t)most, p->left);
    switch (p->source->proceed(p->source, most, &piece)) {
    case PIECE_SOME:
        CHECK(piece.n > 0 && piece.n <= most);
        frame_some(p, piece);
        return 0;
    case PIECE_END:
        if (p->framing == BODY_LENGTH)
            return -E_IO;
        p->over = true;
        make_frame(p, STR(""), STR(""), p->framing == BODY_CHUNKS ? STR("0\r\n\r\n") : STR(""));
        return 0;
    case PIECE_LATER: p->later = true; return -E_WAIT;
    case PIECE_FAILED: break;
    }
    return -E_IO;
}
