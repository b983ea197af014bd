/* arn.c - six parts between five colons; the last part keeps every colon that is left.
 * True here: the parts borrow the text. */
#include "base/arn.h"

int arn_parse(struct str text, struct arn *ret)
{
    struct str parts[5], rest = text;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (!str_cut(&rest, ':', &parts[i]) || str_absent(rest))
            return -E_INVALID;
    if (!str_is(parts[0], "arn"))
        return -E_INVALID;
    *ret = (struct arn){
        .partition = parts[1], .service = parts[2], .region = parts[3], .account = parts[4], .resource = rest
    };
    return 0;
}

bool account_valid(struct str account)
{
    for (size_t i = 0; i < account.n; i++)
        if (account.p[i] < '0' || account.p[i] > '9')
            return false;
    return account.n == 12;
}

bool region_valid(struct str region)
{
    if (region.n == 0 || region.n > REGION_MOST || region.p[0] < 'a' || region.p[0] > 'z')
        return false;
    for (size_t i = 0; i < region.n; i++) {
        char ch = region.p[i];
        if (!(ch >= 'a' && ch <= 'z') && !(ch >= '0' && ch <= '9') && ch != '-')
            return false;
    }
    return true;
}
