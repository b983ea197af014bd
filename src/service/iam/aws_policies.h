/* aws_policies.h - the managed policies AWS itself keeps that functions and their neighbours attach.
 *
 * The documents are written here from the lists of actions AWS documents ("AWS managed policies for AWS
 * Lambda" and the same pages of the other services); every row grants on all resources.  Other
 * arn:aws:iam::aws:policy/ ARNs can be attached too: they grant nothing, and a denial says so. */
#ifndef WAYBILL_SERVICE_IAM_AWS_POLICIES_H
#define WAYBILL_SERVICE_IAM_AWS_POLICIES_H

#include <stddef.h>

struct aws_policy {
    const char *path; /* "/service-role/" */
    const char *name;
    const char *document;
};
extern const struct aws_policy aws_policies[];
extern const size_t n_aws_policies;

#endif
