/** An answer other than success, as AWS words it. `status` is the HTTP status, `code` the error's name on the wire. */
export class AwsRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly invalidParameter: string | undefined;

  constructor(status: number, code: string, message: string, invalidParameter?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.invalidParameter = invalidParameter;
  }
}

/** MSK's 400. */
export function badRequest(message: string, invalidParameter?: string): AwsRefusal {
  return new AwsRefusal(400, "BadRequestException", message, invalidParameter);
}

/** MSK's 404. */
export function notFound(message: string, invalidParameter?: string): AwsRefusal {
  return new AwsRefusal(404, "NotFoundException", message, invalidParameter);
}

/** MSK's 409. */
export function conflict(message: string): AwsRefusal {
  return new AwsRefusal(409, "ConflictException", message);
}

/** EC2 answers nearly every client error with 400 and tells them apart by code. */
export function ec2Refusal(code: string, message: string): AwsRefusal {
  return new AwsRefusal(400, code, message);
}
