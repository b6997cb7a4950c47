"""Refusals, in the shapes the real API uses."""

REASONS = {
    200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'No Content',
    301: 'Moved Permanently', 302: 'Found', 304: 'Not Modified',
    400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden',
    404: 'Not Found', 405: 'Method Not Allowed', 408: 'Request Timeout',
    409: 'Conflict', 413: 'Payload Too Large', 415: 'Unsupported Media Type',
    417: 'Expectation Failed', 422: 'Unprocessable Entity',
    429: 'Too Many Requests', 431: 'Request Header Fields Too Large',
    500: 'Internal Server Error', 501: 'Not Implemented',
    502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout',
    505: 'HTTP Version Not Supported', 520: 'Unknown Error',
    522: 'Connection Timed Out', 524: 'A Timeout Occurred',
}


class ApiError(Exception):
    """An answer that is not a success; `body` is sent as it is."""

    def __init__(self, status, message, body=None):
        super().__init__(status, message)
        self.status = status
        self.body = body if body is not None else error_body(status, message)


def error_body(status, message):
    return {'statusCode': status, 'message': message,
            'error': REASONS.get(status, 'Error')}


def bad_request(message):
    return ApiError(400, message)


def unprocessable(*messages):
    return ApiError(422, list(messages))


def not_found(message):
    return ApiError(404, message)


def wrong_location():
    return ApiError(403, 'The token does not have access to this location.')


def no_contact(contact_id):
    return ApiError(400, 'Contact not found for id:%s' % contact_id)
